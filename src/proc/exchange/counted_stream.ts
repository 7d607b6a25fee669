import { pieceOf } from "../../deno/byte_stream.ts";

/** Who is told how a stream ends before its time. */
export interface StreamEnds {
  onError(error: unknown): void;
  /** Nobody takes it any more. */
  onCancel(): void;
}

/** A streamed body of an inline app on its way to Deno: counted, and its end before its time told. */
export class CountedStream {
  readonly readable: ReadableStream<Uint8Array>;
  bytes = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onCancel: () => void;
  #ended = false;
  #cancelled = false;

  constructor(source: ReadableStream<Uint8Array>, { onError, onCancel }: StreamEnds) {
    const reader = this.#reader = source.getReader();
    this.#onCancel = onCancel;
    this.readable = new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (this.#cancelled) return;
          if (done) {
            this.#ended = true;
            return controller.close();
          }
          const piece = pieceOf(value);
          this.bytes += piece.byteLength;
          controller.enqueue(piece);
        } catch (error) {
          // What fails because nobody listens any more is no failure.
          if (this.#cancelled) return;
          this.#ended = true;
          onError(error);
          controller.error(error);
          // The app's source does not know that its piece could not be sent.
          reader.cancel(error).catch(() => {});
        }
      },
      cancel: (reason) => this.#cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Nobody takes more of it: the source is told, unless it has ended or knows. */
  over(): void {
    if (this.#ended || this.#cancelled) return;
    this.#cancel(new DOMException("The client went away", "AbortError")).catch(() => {});
  }

  #cancel(reason: unknown): Promise<void> {
    this.#cancelled = true;
    this.#onCancel();
    return this.#reader.cancel(reason);
  }
}
