import { ArrivingBody } from '../http/arriving-body.js';
import { continueBody, SILENCE_MS, type Exchange } from '../http/exchange.js';
import { noteReceived } from '../objects/young-buffers.js';

/** The body of a request, which ends quietly where the client goes away or falls silent: of an upload that can go on, every byte that came counts. */
export async function* upToTheCut(exchange: Exchange): AsyncGenerator<Uint8Array> {
  const { request } = exchange;
  continueBody(exchange);
  request.socket.setTimeout(SILENCE_MS);
  try {
    for await (const chunk of new ArrivingBody(request)) {
      noteReceived(chunk.byteLength);
      exchange.contentBytes = (exchange.contentBytes ?? 0) + chunk.byteLength;
      yield chunk;
    }
  } catch (error) {
    if (request.complete) throw error;
  } finally {
    request.socket.setTimeout(0);
  }
}
