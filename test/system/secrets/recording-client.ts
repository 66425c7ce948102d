import { Client, type Answer, type RequestOptions } from '../client.js';

/** A client that keeps every answer, head and body. */
export class RecordingClient extends Client {
  readonly answers: { readonly what: string; readonly bytes: Buffer }[] = [];

  override async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const answer = await super.send(method, path, options);
    const head = JSON.stringify([...answer.headers]);
    this.answers.push({
      what: `${method} ${path}: ${answer.status}`,
      bytes: Buffer.concat([Buffer.from(head), answer.bytes]),
    });
    return answer;
  }
}
