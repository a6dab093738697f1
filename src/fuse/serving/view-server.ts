import { type ByteString, brandAs, messageOf, unreachable } from '../../base/index.ts';
import type { Directory, DirectoryEntry, Node } from '../../castore/index.ts';
import { type FuseProblem, dynamicValidity } from '../node-source.ts';
import { features, maxReadSize, negotiate } from '../protocol/init.ts';
import {
  type Attributes,
  type ErrorNumber,
  ReplyWriter,
  type Time,
  type Validity,
  forEver,
} from '../protocol/reply.ts';
import { type FuseRequest, type NodeId, maxNameLength, rootId } from '../protocol/request.ts';
import { type DirectoryInode, type Inode, Inodes, type ViewInode, type ViewsInode, newView, viewOf } from './inodes.ts';
import { type LocalNodes, MissingBlob } from './local-nodes.ts';
import {
  type Answer,
  type Question,
  type QuestionId,
  type RootContents,
  type ViewContents,
  type ViewOwner,
  isDynamic,
} from './messages.ts';
import { Questions, describeQuestion } from './questions.ts';

export interface ViewServerOptions {
  readonly nodes: LocalNodes;
  readonly root: RootContents;
  readonly user: number;
  readonly group: number;
  readonly patience: number;
  /** Sends an answer to the kernel; the bytes are lent. */
  readonly reply: (bytes: Uint8Array) => void;
  readonly ask: (id: QuestionId, question: Question) => void;
  readonly withdraw: (id: QuestionId) => void;
  readonly report: (problem: FuseProblem) => void;
}

/** Of regular files, folders and symlinks, as st_mode has them. */
const fileMode = 0o100444;
const executableMode = 0o100555;
const folderMode = 0o040555;
const symlinkMode = 0o120777;
/** What an owner may do beyond that. */
const ownerMay = 0o200;

/** Of everything in a store. */
const canonicalTime: Time = { seconds: 1, nanoseconds: 0 };

const infinite: Validity = { entry: forEver, attributes: forEver };
const dynamic: Validity = { entry: dynamicValidity, attributes: forEver };

/** FOPEN_KEEP_CACHE: what was read of the file stays good. */
const keepCache = 2;

/** What an operation comes to: the body of the answer is written, or this. */
type Result = 'done' | ErrorNumber | { readonly question: Question; readonly damage?: string };

/**
 * Answers the kernel's requests, one after the other. Those that need what is not here wait for the answer to a question, and
 * are then begun anew. Inodes of folders belong to one place, those of files and symlinks to what is in them.
 */
export class ViewServer {
  readonly #options: ViewServerOptions;
  readonly #inodes = new Inodes();
  readonly #root: ViewsInode | ViewInode;
  readonly #writer = new ReplyWriter(maxReadSize);
  readonly #questions: Questions<FuseRequest>;
  #features = 0n;

  constructor(options: ViewServerOptions) {
    this.#options = options;
    const { root, ask, withdraw, patience } = options;
    this.#questions = new Questions<FuseRequest>({ ask, withdraw }, patience);
    this.#root =
      root === 'views'
        ? { kind: 'views', id: rootId, lookups: 1, owner: undefined, views: new Map(), changed: now() }
        : newView(rootId, { name: brandAs<ByteString>(''), contents: root, owner: undefined });
    this.#inodes.setRoot(this.#root);
  }

  addView(name: ByteString, contents: ViewContents, owner?: ViewOwner): void {
    if (this.#root.kind !== 'views') return;
    this.#root.views.set(name, this.#inodes.makeView(name, contents, owner));
    this.#root.changed = later(this.#root.changed);
  }

  /** Whoever is in it stays there. */
  removeView(name: ByteString): void {
    if (this.#root.kind !== 'views') return;
    this.#root.views.delete(name);
    this.#root.changed = later(this.#root.changed);
  }

  /** Milliseconds until `expire` has something to do. */
  get timeout(): number | undefined {
    return this.#questions.timeout();
  }

  expire(): void {
    for (const { question, waiting } of this.#questions.expire()) {
      const message = `nothing was heard of it for ${this.#options.patience / 1000} s`;
      this.#options.report({ kind: 'too late', what: describeQuestion(question), message });
      for (const request of waiting) this.#fail(request, 'EIO');
    }
  }

  prolong(id: QuestionId): void {
    this.#questions.prolong(id);
  }

  /** What was asked is known: whoever waited for it goes on. */
  answer(id: QuestionId, answer: Answer): void {
    const settled = this.#questions.settle(id);
    if (settled === undefined) return;
    const { question, waiting } = settled;
    const failure = this.#take(question, answer);
    if (failure !== undefined) {
      const what = describeQuestion(question);
      const isDamaged = question.kind === 'blob' && question.isDamaged;
      this.#options.report({ kind: isDamaged ? 'damaged' : 'not fetched', what, message: failure });
    }
    for (const request of waiting) {
      if (failure === undefined) this.#handle(request, { question, answer });
      else this.#fail(request, 'EIO');
    }
  }

  /** Returns what is wrong with the answer. */
  #take(question: Question, answer: Answer): string | undefined {
    if (answer.kind === 'failed') return answer.message;
    if (question.kind !== answer.kind) return `an answer to another question (${answer.kind})`;
    if (question.kind !== 'blob' || answer.kind !== 'blob' || answer.bytes === undefined) return undefined;
    try {
      this.#options.nodes.deliver(question.digest, answer.bytes);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** False when this was the last request there is. */
  handle(request: FuseRequest): boolean {
    const { operation } = request;
    if (operation === 'forget' || operation === 'batchForget') {
      for (const { nodeId, lookups } of request.forgotten) this.#forget(nodeId, lookups);
    } else if (operation === 'interrupt') {
      const waiting = this.#questions.interrupt(request.interrupted);
      if (waiting !== undefined) this.#fail(waiting, 'EINTR');
    } else if (operation !== 'notifyReply') {
      this.#handle(request);
    }
    return operation !== 'destroy';
  }

  #forget(id: NodeId, lookups: number): void {
    const inode = this.#inodes.forget(id, lookups);
    if (inode?.kind === 'file') this.#options.nodes.close(inode);
  }

  #handle(request: FuseRequest, known?: Known): void {
    this.#writer.begin();
    let result: Result;
    try {
      result = this.#perform(request, known);
    } catch (error) {
      this.#options.report({ kind: 'failure', what: request.operation, message: messageOf(error) });
      result = 'EIO';
    }
    if (result === 'done') this.#options.reply(this.#writer.finish(request.unique));
    else if (typeof result === 'string') this.#fail(request, result);
    else this.#wait(request, result, known);
  }

  #wait(request: FuseRequest, { question, damage }: Exclude<Result, string>, known: Known | undefined): void {
    if (known !== undefined && isSame(known.question, question)) {
      // It was said to be here now. Another question may come up: of the content of a folder, after its name.
      const message = damage ?? 'it was said to be here, but is not';
      this.#options.report({
        kind: damage === undefined ? 'not fetched' : 'damaged',
        what: describeQuestion(question),
        message,
      });
      return this.#fail(request, 'EIO');
    }
    this.#questions.wait(request, question);
  }

  #fail(request: FuseRequest, error: ErrorNumber): void {
    this.#options.reply(this.#writer.fail(request.unique, error));
  }

  #perform(request: FuseRequest, known: Known | undefined): Result {
    const writer = this.#writer;
    switch (request.operation) {
      case 'init': {
        const { features: agreed, answer } = negotiate(request);
        this.#features = agreed;
        writer.bytes(answer);
        return 'done';
      }
      case 'statfs':
        writer.statistics({ blockSize: 4096, maxName: 255 });
        return 'done';
      case 'open':
        return this.#open(features.noOpen, keepCache);
      case 'opendir':
        return this.#open(features.noOpendir, 0);
      case 'release':
      case 'releasedir':
      case 'destroy':
        return 'done';
      case 'refused':
        return request.error;
      case 'forget':
      case 'batchForget':
      case 'interrupt':
      case 'notifyReply':
        // They get no answer.
        return 'EINVAL';
      case 'lookup':
      case 'getattr':
      case 'readlink':
      case 'read':
      case 'readdir':
      case 'readdirplus':
        return this.#performOn(this.#inodes.get(request.nodeId), request, known);
      default:
        return unreachable(request);
    }
  }

  #performOn(inode: Inode | undefined, request: InodeRequest, known: Known | undefined): Result {
    if (inode === undefined) return 'ESTALE';
    switch (request.operation) {
      case 'lookup':
        return this.#lookUp(inode, request.name, known);
      case 'getattr':
        this.#writer.attributes(this.#attributesOf(inode), this.#attributesValidity(inode));
        return 'done';
      case 'readlink':
        if (inode.kind !== 'symlink') return 'EINVAL';
        this.#writer.text(inode.node.target);
        return 'done';
      case 'read':
        return this.#read(inode, request);
      case 'readdir':
      case 'readdirplus':
        return this.#readFolder(inode, { ...request, plus: request.operation === 'readdirplus' }, known);
      default:
        return unreachable(request);
    }
  }

  /** ENOSYS says that there is no need to ask. */
  #open(feature: bigint, flags: number): Result {
    if ((this.#features & feature) !== 0n) return 'ENOSYS';
    this.#writer.opened(flags);
    return 'done';
  }

  #lookUp(folder: Inode, name: ByteString, known: Known | undefined): Result {
    switch (folder.kind) {
      case 'views': {
        const view = folder.views.get(name);
        // Without a promise: it may come.
        if (view === undefined) return 'ENOENT';
        // What a dynamic one shows changes.
        this.#enter(view, this.#viewValidity(view));
        return 'done';
      }
      case 'view': {
        if (!isDynamic(folder.contents)) return this.#enterEntry(folder, name, find(folder.contents, name));
        if (!folder.contents.asksFor.test(name)) return 'ENOENT';
        const question: Question = { kind: 'name', view: folder.name, name };
        if (known?.answer.kind !== 'name' || !isSame(known.question, question)) return { question };
        const { node } = known.answer;
        if (node === undefined) return 'ENOENT';
        this.#enter(this.#inodes.child(folder, name, node), dynamic);
        return 'done';
      }
      case 'directory': {
        const directory = this.#directoryOf(folder);
        if (isQuestion(directory)) return directory;
        return this.#enterEntry(folder, name, find(directory.entries, name));
      }
      case 'file':
      case 'symlink':
        return 'ENOTDIR';
      default:
        return unreachable(folder);
    }
  }

  #enterEntry(folder: ViewInode | DirectoryInode, name: ByteString, node: Node | undefined): Result {
    if (node === undefined) this.#writer.noEntry(forEver);
    else this.#enter(this.#inodes.child(folder, name, node), infinite);
    return 'done';
  }

  #enter(inode: Inode, validity: Validity): void {
    this.#inodes.retain(inode);
    this.#writer.entry(this.#attributesOf(inode), validity);
  }

  #directoryOf(inode: DirectoryInode): Directory | Exclude<Result, string> {
    const directory = this.#options.nodes.directory(inode.node.digest);
    return directory instanceof MissingBlob ? questionOf(directory, viewOf(inode)) : directory;
  }

  #read(inode: Inode, { offset, size }: { readonly offset: number; readonly size: number }): Result {
    if (inode.kind === 'symlink') return 'EINVAL';
    if (inode.kind !== 'file') return 'EISDIR';
    const count = this.#options.nodes.read(inode, offset, this.#writer.room(Math.min(size, maxReadSize)));
    if (count instanceof MissingBlob) return questionOf(count, inode.view);
    this.#writer.advance(count);
    return 'done';
  }

  #readFolder(inode: Inode, listing: Listing, known: Known | undefined): Result {
    switch (inode.kind) {
      case 'views': {
        const { views } = inode;
        const list = { id: inode.id, validity: infinite, inodeOf: ({ name }: Named) => views.get(name) };
        this.#list(list, [...views.values()], listing);
        return 'done';
      }
      case 'view': {
        if (!isDynamic(inode.contents)) {
          this.#list(this.#folder(inode, infinite), inode.contents, listing);
          return 'done';
        }
        // What a listing began with it goes on with: offsets count in that.
        if (known?.answer.kind === 'listing') inode.listing = known.answer.entries;
        else if (listing.offset === 0) return { question: { kind: 'listing', view: inode.name } };
        this.#list(this.#folder(inode, dynamic), inode.listing ?? [], listing);
        return 'done';
      }
      case 'directory': {
        const directory = this.#directoryOf(inode);
        if (isQuestion(directory)) return directory;
        this.#list(this.#folder(inode, infinite), directory.entries, listing);
        return 'done';
      }
      case 'file':
      case 'symlink':
        return 'ENOTDIR';
      default:
        return unreachable(inode);
    }
  }

  #folder(inode: ViewInode | DirectoryInode, validity: Validity): Folder<DirectoryEntry> {
    return { id: inode.id, validity, inodeOf: ({ name, node }) => this.#inodes.child(inode, name, node) };
  }

  /** Offsets count entries: `.`, `..`, then those of the folder. */
  #list<Entry extends Named>(folder: Folder<Entry>, entries: readonly Entry[], { offset, size, plus }: Listing): void {
    const limit = Math.min(size, maxReadSize);
    const options = { validity: folder.validity, limit };
    const writer = this.#writer;
    for (let at = offset; at < entries.length + 2; at++) {
      const next = at + 1;
      if (at < 2) {
        const dirent = { nodeId: folder.id, next, name: at === 0 ? itself : above, mode: folderMode };
        if (plus ? !writer.direntplus(dirent, undefined, options) : !writer.dirent(dirent, limit)) return;
        continue;
      }
      const entry = entries[at - 2];
      // No system call has room for such a name.
      if (entry === undefined || entry.name.length > maxNameLength) continue;
      if (!writer.fits(entry.name, limit, plus)) return;
      const inode = folder.inodeOf(entry);
      if (inode === undefined) continue;
      const attributes = this.#attributesOf(inode);
      const dirent = { nodeId: inode.id, next, name: entry.name, mode: attributes.mode };
      if (plus) {
        this.#inodes.retain(inode);
        // That of a dynamic view is shorter than its name's.
        const validity = inode.kind === 'view' ? this.#viewValidity(inode) : options.validity;
        writer.direntplus(dirent, attributes, { validity, limit });
      } else writer.dirent(dirent, limit);
    }
  }

  #attributesOf(inode: Inode): Attributes {
    const { user, group } = inode.owner ?? this.#options;
    // In one piece: this is done for every entry of a listing.
    return { nodeId: inode.id, size: sizeOf(inode), mode: modeOf(inode), time: timeOf(inode), user, group };
  }

  #viewValidity(view: ViewInode): Validity {
    return { entry: forEver, attributes: this.#attributesValidity(view) };
  }

  #attributesValidity(inode: Inode): number {
    // Of the folder of views, the kernel is told when it changes.
    return inode.kind === 'view' && isDynamic(inode.contents) ? 1 : forEver;
  }
}

/** Of an inode. */
type InodeRequest = Extract<
  FuseRequest,
  { readonly operation: 'lookup' | 'getattr' | 'readlink' | 'read' | 'readdir' | 'readdirplus' }
>;

/** The question that a request waited for, and its answer. */
interface Known {
  readonly question: Question;
  readonly answer: Answer;
}

interface Listing {
  readonly offset: number;
  readonly size: number;
  readonly plus: boolean;
}

/** In bytes. */
function sizeOf(inode: Inode): number {
  if (inode.kind === 'file' || inode.kind === 'directory') return inode.node.digest.size;
  return inode.kind === 'symlink' ? inode.node.target.length : 0;
}

function modeOf(inode: Inode): number {
  if (inode.kind === 'symlink') return symlinkMode;
  const mode = inode.kind !== 'file' ? folderMode : inode.node.executable ? executableMode : fileMode;
  return inode.owner === undefined ? mode : mode | ownerMay;
}

function timeOf(inode: Inode): Time {
  if (inode.kind === 'views') return inode.changed;
  // Another time each time makes the kernel list it anew.
  return inode.kind === 'view' && isDynamic(inode.contents) ? now() : canonicalTime;
}

/** How entries of a folder become those of a listing. */
interface Folder<Entry> {
  readonly id: NodeId;
  readonly validity: Validity;
  readonly inodeOf: (entry: Entry) => Inode | undefined;
}

interface Named {
  readonly name: ByteString;
}

const itself = brandAs<ByteString>('.');
const above = brandAs<ByteString>('..');

function isQuestion(value: Directory | Exclude<Result, string>): value is Exclude<Result, string> {
  return 'question' in value;
}

function questionOf({ digest, damage }: MissingBlob, view: ByteString): Exclude<Result, string> {
  const question: Question = { kind: 'blob', digest, isDamaged: damage !== undefined, view };
  return { question, ...(damage === undefined ? {} : { damage }) };
}

function isSame(a: Question, b: Question): boolean {
  if (a.kind === 'blob') return b.kind === 'blob' && a.digest.hash === b.digest.hash;
  if (a.kind === 'name') return b.kind === 'name' && a.view === b.view && a.name === b.name;
  return b.kind === 'listing' && a.view === b.view;
}

/** The node of a name among entries in ascending order. */
function find(entries: readonly DirectoryEntry[], name: ByteString): Node | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry === undefined) return undefined;
    if (entry.name === name) return entry.node;
    if (entry.name < name) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function now(): Time {
  const milliseconds = Date.now();
  return { seconds: Math.floor(milliseconds / 1000), nanoseconds: (milliseconds % 1000) * 1_000_000 };
}

/** Now, but not `than`: another time tells the kernel that what it has of a folder is old. */
function later(than: Time): Time {
  const time = now();
  const isLater = time.seconds !== than.seconds || time.nanoseconds > than.nanoseconds;
  return isLater ? time : { seconds: time.seconds, nanoseconds: than.nanoseconds + 1 };
}
