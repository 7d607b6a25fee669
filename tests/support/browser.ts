/** A client that keeps its cookies, as a browser does, and follows no redirect by itself. */

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export class Browser {
  readonly #base: string;
  readonly #cookies = new Map<string, string>();

  /** `base`: scheme, host and port. */
  constructor(base: string) {
    this.#base = base;
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  async get(path: string): Promise<Page> {
    return await this.#fetch(path, {});
  }

  /** Submits a form; as a page of the same site does it. */
  async post(path: string, fields: Record<string, string>): Promise<Page> {
    return await this.#fetch(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { referer: this.#base + path, origin: this.#base },
    });
  }

  async #fetch(path: string, init: RequestInit): Promise<Page> {
    const headers = new Headers(init.headers);
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
    const response = await fetch(this.#base + path, { ...init, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(cookie)) this.#cookies.delete(name!);
      else this.#cookies.set(name!, value!);
    }
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}
