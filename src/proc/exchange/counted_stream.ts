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
  #cancelled = false;

  constructor(source: ReadableStream<Uint8Array>, { onError, onCancel }: StreamEnds) {
    const reader = source.getReader();
    this.readable = new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (this.#cancelled) return;
          if (done) return controller.close();
          const piece = pieceOf(value);
          this.bytes += piece.byteLength;
          controller.enqueue(piece);
        } catch (error) {
          // What fails because nobody listens any more is no failure.
          if (this.#cancelled) return;
          onError(error);
          controller.error(error);
          // The app's source does not know that its piece could not be sent.
          reader.cancel(error).catch(() => {});
        }
      },
      cancel: (reason) => {
        this.#cancelled = true;
        onCancel();
        return reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }
}
