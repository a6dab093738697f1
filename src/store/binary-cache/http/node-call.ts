import { open } from 'node:fs/promises';
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { SecureContext } from 'node:tls';
import { type UploadContent, uploadSize } from '../cache-transport.ts';
import { hasRoom } from '../codec.ts';
import { fileChunks } from '../../file-chunks.ts';
import type { HttpCall } from './http-call.ts';
import type { UnsignedRequest } from './http-request.ts';
import type { Variables } from './http-routes.ts';

/** Connections that are kept; `context` is for https. */
export function makeAgent(proxyEnv: Variables = {}, context?: SecureContext): Agent {
  return context === undefined
    ? new Agent({ keepAlive: true, proxyEnv })
    : new HttpsAgent({ keepAlive: true, proxyEnv, secureContext: context });
}

/** A request by node:http: it knows proxies, and bodies. */
export class NodeCall implements HttpCall {
  readonly #body: UploadContent | undefined;
  readonly #request: ClientRequest;
  #isAnswered = false;

  constructor({ method, url, headers, body }: UnsignedRequest, agent: Agent) {
    this.#body = body;
    const length = body === undefined ? {} : { 'content-length': String(uploadSize(body)) };
    // Destroyed by its owner rather than by the signal: of that only the reason is wanted.
    this.#request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      agent,
      headers: { ...headers, ...length },
    });
    // It may come late, for a connection that was given up.
    this.#request.on('error', () => {});
  }

  get isReused(): boolean {
    return this.#request.reusedSocket;
  }

  whenConnected(connected: () => void): void {
    this.#request.once('socket', socket => {
      if (socket.connecting) socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
      else connected();
    });
  }

  async answer(sent: (bytes: number) => void): Promise<IncomingMessage> {
    const answered = this.#whenAnswered();
    // Settled later or never where sending the body fails first.
    answered.catch(() => {});
    await this.#send(sent);
    return await answered;
  }

  #whenAnswered(): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#request
        .once('response', response => {
          this.#isAnswered = true;
          resolve(response);
        })
        .once('error', reject)
        .once('close', () => reject(new Error('the connection was closed')));
    });
  }

  /** What is left when the server answers, or when the connection breaks, is not sent. */
  async #send(sent: (bytes: number) => void): Promise<void> {
    const body = this.#body;
    if (body === undefined || 'bytes' in body) {
      this.#request.end(body?.bytes);
      return;
    }
    await using file = await open(body.file);
    let count = 0;
    for await (const chunk of fileChunks(file, { offset: 0, length: body.size }, undefined)) {
      if (this.#request.destroyed || this.#isAnswered) return;
      if (!this.#request.write(chunk)) await hasRoom(this.#request);
      sent((count += chunk.byteLength));
    }
    this.#request.end();
  }

  destroy(): void {
    this.#request.destroy();
  }
}
