import { RequestError } from '../http/request-error.js';

/** Bounds the uploads that one process takes at once, so that a crowd of them can neither use up its memory nor its files. */
export class UploadsUnderWay {
  #underWay = 0;

  constructor(private readonly most: number) {}

  /** Runs an upload, or refuses it with `overloaded` before anything of its body is read. */
  async run(upload: () => Promise<void>): Promise<void> {
    if (this.#underWay >= this.most)
      throw new RequestError('overloaded', `${this.most} uploads are under way in this process; send it again`);
    this.#underWay += 1;
    try {
      await upload();
    } finally {
      this.#underWay -= 1;
    }
  }
}
