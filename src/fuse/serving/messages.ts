import type { MessagePort } from 'node:worker_threads';
import type { ByteString } from '../../base/index.ts';
import type { Digest, DirectoryEntry, Node } from '../../castore/index.ts';
import type { FuseProblem } from '../node-source.ts';

/** A view whose names are asked for when they are looked at, those that `asksFor` matches; others are not there. */
export interface DynamicContents {
  readonly asksFor: RegExp;
}

/** What a view shows: names in ascending order, or what the source says. */
export type ViewContents = readonly DirectoryEntry[] | DynamicContents;

export function isDynamic(contents: ViewContents): contents is DynamicContents {
  return 'asksFor' in contents;
}

/**
 * Whose everything in a view is, who may write to it: for views that lie below what is written (overlays), since nothing in a
 * view itself can be written to.
 */
export interface ViewOwner {
  readonly user: number;
  readonly group: number;
}

/** What the root of a mount is: a folder of views, or one view. */
export type RootContents = 'views' | ViewContents;

/** What the serving thread is started with. */
export interface ServingSettings {
  /** The open /dev/fuse, which remains its owner's. */
  readonly device: number;
  /** Becomes readable when there are orders. */
  readonly wakeUp: number;
  readonly dataFolder: string;
  readonly root: RootContents;
  /** Of every file. */
  readonly user: number;
  readonly group: number;
  /** In milliseconds: how long a question may go without a sign of life. */
  readonly patience: number;
  /** At its first word: how many orders were sent. At its second: whether to end. */
  readonly signals: SharedArrayBuffer;
  /** Brings orders, takes reports. */
  readonly port: MessagePort;
}

/** Indices in `ServingSettings.signals`. */
export const orderCount = 0;
export const endRequested = 1;

/** Numbers a question. */
export type QuestionId = number;

/** What the serving thread asks its owner for. */
export type Question =
  | { readonly kind: 'blob'; readonly digest: Digest; readonly isDamaged: boolean; readonly view: ByteString }
  | { readonly kind: 'name'; readonly view: ByteString; readonly name: ByteString }
  | { readonly kind: 'listing'; readonly view: ByteString };

export type Answer =
  /** The blob is in the data folder, or here. */
  | { readonly kind: 'blob'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'name'; readonly node: Node | undefined }
  | { readonly kind: 'listing'; readonly entries: readonly DirectoryEntry[] }
  | { readonly kind: 'failed'; readonly message: string };

/** What the thread is told. */
export type Order =
  | {
      readonly kind: 'add view';
      readonly name: ByteString;
      readonly contents: ViewContents;
      readonly owner: ViewOwner | undefined;
    }
  | { readonly kind: 'remove view'; readonly name: ByteString }
  | { readonly kind: 'answer'; readonly id: QuestionId; readonly answer: Answer }
  | { readonly kind: 'progress'; readonly id: QuestionId };

/** What the thread tells. */
export type Report =
  /** The kernel has agreed on how to speak: from now on it is answered. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'question'; readonly id: QuestionId; readonly question: Question }
  /** Nobody waits for the answer any more. */
  | { readonly kind: 'withdrawn'; readonly id: QuestionId }
  | { readonly kind: 'problem'; readonly problem: FuseProblem }
  /** It was unmounted, or told to end. */
  | { readonly kind: 'ended' };
