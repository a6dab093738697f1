/** Thrown by commands that are done and end with another status than 0; what there was to say was said. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit status ${status}`);
    this.status = status;
  }
}
