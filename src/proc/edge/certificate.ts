/** The server's certificate and private key: two files, read when they are needed and when they change. */

import { messageOf, SystemError } from "../../errors.ts";
import { lookAt } from "../../os/file_look.ts";

/** What Deno's TLS takes. Which of the two protocols is spoken the client chooses (ALPN). */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly alpnProtocols: string[];
}

export interface CertificateSettings {
  readonly certfile: string;
  readonly keyfile: string;
  readonly http2: boolean;
}

export class CertificateFiles {
  readonly #settings: CertificateSettings;
  /** How the files looked when they were last read. */
  #seen = "";

  constructor(settings: CertificateSettings) {
    this.#settings = settings;
  }

  /** Reads both files. Throws a SystemError where they cannot be read, or used together. */
  read(): TlsOptions {
    const { certfile, keyfile, http2 } = this.#settings;
    this.#seen = this.#look();
    const tls = {
      cert: readFile(certfile, "certificate"),
      key: readFile(keyfile, "private key"),
      alpnProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
    };
    try {
      // Deno checks them where it listens, and nowhere else.
      Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls }).close();
    } catch (error) {
      const why = messageOf(error);
      throw new SystemError(
        `Cannot use the certificate ${certfile} with the private key ${keyfile}: ` +
          whyUnusable(why),
        { cause: error },
      );
    }
    return tls;
  }

  /** Whether a file is another one than when they were last read. */
  haveChanged(): boolean {
    return this.#look() !== this.#seen;
  }

  #look(): string {
    const { certfile, keyfile } = this.#settings;
    return lookAt([certfile, keyfile]);
  }
}

/** Deno's words, with what is behind them as a rule. */
function whyUnusable(why: string): string {
  if (/No certificates found/.test(why)) return `${why} (are the two files mixed up?)`;
  if (/No keys found/.test(why)) {
    return `${why} (it has to be PEM without a passphrase: openssl pkey takes that away)`;
  }
  if (/KeyMismatch/.test(why)) {
    return `the key is not the certificate's (${why}); of a chain the server's own has to be the first`;
  }
  return why;
}

function readFile(path: string, what: string): string {
  try {
    // Deno takes no notice of what stands behind a byte order mark, which Windows' editors write.
    return Deno.readTextFileSync(path).replace(/^\uFEFF/, "");
  } catch (error) {
    const why = messageOf(error);
    throw new SystemError(`Cannot read the ${what} ${path}: ${why}`, { cause: error });
  }
}
