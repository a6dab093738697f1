import { create } from '@bufbuild/protobuf';
import type { CallOptions, Digest } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  type ActionResult,
  DigestFunction_Value,
  GetActionResultRequestSchema,
  UpdateActionResultRequestSchema,
  actionCacheMethods,
} from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import type { ReapiServer } from './reapi-server.ts';

/** Results of actions that a REAPI server remembers. What they say is whoever's word who may write there. */
export class RemoteActionCache {
  readonly #server: ReapiServer;

  constructor(server: ReapiServer) {
    this.#server = server;
  }

  /** Undefined where there is none. */
  async get(action: Digest, options: CallOptions = {}): Promise<ActionResult | undefined> {
    const request = create(GetActionResultRequestSchema, {
      instanceName: this.#server.instance,
      actionDigest: messageOfOwnDigest(action),
      digestFunction: DigestFunction_Value.SHA256,
    });
    try {
      return await this.#server.call(actionCacheMethods.getActionResult, request, options);
    } catch (error) {
      if (error instanceof GrpcStatus && error.code === 'notFound') return undefined;
      throw error;
    }
  }

  /** The action, its command and all that `result` names must be in the server's store before. */
  async update(action: Digest, actionResult: ActionResult, options: CallOptions = {}): Promise<void> {
    const request = create(UpdateActionResultRequestSchema, {
      instanceName: this.#server.instance,
      actionDigest: messageOfOwnDigest(action),
      actionResult,
      digestFunction: DigestFunction_Value.SHA256,
    });
    await this.#server.call(actionCacheMethods.updateActionResult, request, options);
  }
}
