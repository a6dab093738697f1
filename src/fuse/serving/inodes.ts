import type { ByteString } from '../../base/index.ts';
import type { DirectoryEntry, DirectoryNode, FileNode, Node, SymlinkNode } from '../../castore/index.ts';
import type { Time } from '../protocol/reply.ts';
import { type NodeId, rootId } from '../protocol/request.ts';
import type { ViewContents, ViewOwner } from './messages.ts';

interface AnyInode {
  readonly id: NodeId;
  /** How often the kernel was told of it and has not let it go. */
  lookups: number;
  /** Whose it is, if not whoever mounted. */
  readonly owner: ViewOwner | undefined;
}

/** The root of a mount of several views. */
export interface ViewsInode extends AnyInode {
  readonly kind: 'views';
  readonly views: Map<ByteString, ViewInode>;
  /** When a view last came or went: listings from before are stale. */
  changed: Time;
}

export interface ViewInode extends AnyInode {
  readonly kind: 'view';
  readonly name: ByteString;
  readonly contents: ViewContents;
  children: Map<ByteString, DirectoryInode> | undefined;
  /** What a dynamic view was last said to have, which a listing that has begun goes on with. */
  listing: readonly DirectoryEntry[] | undefined;
}

/** A directory at one place: the kernel has one name for an inode of a folder, and would move it. */
export interface DirectoryInode extends AnyInode {
  readonly kind: 'directory';
  readonly node: DirectoryNode;
  readonly name: ByteString;
  readonly parent: ViewInode | DirectoryInode;
  children: Map<ByteString, DirectoryInode> | undefined;
}

/** A file wherever it is, in views of one owner: what the kernel caches of it, it has once. */
export interface FileInode extends AnyInode {
  readonly kind: 'file';
  readonly node: FileNode;
  /** Of the view by which it was last looked up. */
  view: ByteString;
}

export interface SymlinkInode extends AnyInode {
  readonly kind: 'symlink';
  readonly node: SymlinkNode;
}

export type Inode = ViewsInode | ViewInode | DirectoryInode | FileInode | SymlinkInode;

/** The inodes that the kernel knows of. Numbers are never used again. */
export class Inodes {
  readonly #byId = new Map<NodeId, Inode>();
  /** By the hash of their contents. */
  readonly #plainFiles = new Map<string, FileInode>();
  readonly #executables = new Map<string, FileInode>();
  readonly #symlinks = new Map<string, SymlinkInode>();
  #next = rootId + 1;

  /** The root stays for as long as the mount does. */
  setRoot(root: ViewsInode | ViewInode): void {
    this.#byId.set(rootId, root);
  }

  get(id: NodeId): Inode | undefined {
    return this.#byId.get(id);
  }

  /** How many there are, the root included. */
  get size(): number {
    return this.#byId.size;
  }

  makeView(name: ByteString, contents: ViewContents, owner?: ViewOwner): ViewInode {
    return newView(this.#next++, { name, contents, owner });
  }

  /** The kernel is told of `inode` once more. */
  retain(inode: Inode): void {
    if (inode.lookups++ === 0) this.#byId.set(inode.id, inode);
  }

  /** That of a name in a folder, made if need be. */
  child(parent: ViewInode | DirectoryInode, name: ByteString, node: Node): Inode {
    if (node.kind === 'file') return this.#file(node, parent);
    return node.kind === 'symlink' ? this.#symlink(node, parent.owner) : this.#directory(parent, name, node);
  }

  #directory(parent: ViewInode | DirectoryInode, name: ByteString, node: DirectoryNode): DirectoryInode {
    parent.children ??= new Map<ByteString, DirectoryInode>();
    const known = parent.children.get(name);
    if (known !== undefined && known.node.digest.hash === node.digest.hash) return known;
    const id = this.#next++;
    const own = { kind: 'directory', id, lookups: 0, owner: parent.owner } as const;
    const inode: DirectoryInode = { ...own, node, name, parent, children: undefined };
    parent.children.set(name, inode);
    return inode;
  }

  #symlink(node: SymlinkNode, owner: ViewOwner | undefined): SymlinkInode {
    const key = keyOf(node.target, owner);
    const known = this.#symlinks.get(key);
    if (known !== undefined) return known;
    const inode: SymlinkInode = { kind: 'symlink', id: this.#next++, lookups: 0, owner, node };
    this.#symlinks.set(key, inode);
    return inode;
  }

  #file(node: FileNode, parent: ViewInode | DirectoryInode): FileInode {
    const { owner } = parent;
    const view = viewOf(parent);
    const files = node.executable ? this.#executables : this.#plainFiles;
    const key = keyOf(node.digest.hash, owner);
    const known = files.get(key);
    // A hash with another size names nothing that could be read, but it is a file of that size where it is.
    if (known !== undefined && known.node.digest.size === node.digest.size) {
      known.view = view;
      return known;
    }
    const inode: FileInode = { kind: 'file', id: this.#next++, lookups: 0, owner, node, view };
    if (known === undefined) files.set(key, inode);
    return inode;
  }

  /** Returns the inode if the kernel has let it go altogether. */
  forget(id: NodeId, lookups: number): Inode | undefined {
    const inode = this.#byId.get(id);
    if (inode === undefined) return undefined;
    inode.lookups -= lookups;
    if (inode.lookups > 0 || id === rootId) return undefined;
    inode.lookups = 0;
    this.#byId.delete(id);
    this.#drop(inode);
    return inode;
  }

  #drop(inode: Inode): void {
    if (inode.kind === 'directory') {
      const { children } = inode.parent;
      if (children?.get(inode.name) === inode) children.delete(inode.name);
    } else if (inode.kind === 'symlink') {
      this.#symlinks.delete(inode.node.target);
    } else if (inode.kind === 'file') {
      const files = inode.node.executable ? this.#executables : this.#plainFiles;
      const { hash } = inode.node.digest;
      if (files.get(hash) === inode) files.delete(hash);
    }
  }
}

export function newView(id: NodeId, view: Pick<ViewInode, 'name' | 'contents' | 'owner'>): ViewInode {
  return { kind: 'view', id, lookups: 0, ...view, children: undefined, listing: undefined };
}

/** The name of the view that a folder is in. */
export function viewOf(folder: ViewInode | DirectoryInode): ByteString {
  let at = folder;
  while (at.kind === 'directory') at = at.parent;
  return at.name;
}

/** Of what is the same in all views of one owner; a NUL is in neither hashes nor targets. */
function keyOf(contents: string, owner: ViewOwner | undefined): string {
  return owner === undefined ? contents : `${contents}\0${owner.user}:${owner.group}`;
}
