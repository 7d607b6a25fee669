/**
 * 10,000 connections of malformed and mutated requests against the real program. The seed makes the
 * same ones every time; another one is taken from the environment (FUZZ_SEED), with as many
 * connections as wanted (FUZZ_CONNECTIONS), to look further.
 */

import { assert, assertEquals } from "@std/assert";
import type { Mirrored } from "../../support/mirrored.ts";
import { sceneTest } from "../../support/scene.ts";
import { type Latin1, toBytes, toLatin1, Wire, type WireResponse } from "../../support/wire.ts";
import { startMirror } from "./mirror.ts";
import { makeBlob, Random } from "./mutate.ts";
import { readRequests, type ReferenceRequest } from "./reference.ts";

const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20261121);
const CONNECTIONS = Number(Deno.env.get("FUZZ_CONNECTIONS") ?? 10_000);
const AT_ONCE = 16;

/** What the server may say to what is not right. */
const REFUSALS = [400, 405, 408, 413, 414, 417, 421, 426, 431, 501];

/**
 * All responses on a connection that sends these bytes, waits for as many as there ought to be (Deno
 * takes who says sooner that nothing follows for gone), and then says that nothing follows.
 */
async function converse(port: number, blob: Latin1, expected: number): Promise<WireResponse[]> {
  using wire = await Wire.connect(port);
  await wire.send(blob);
  const responses: WireResponse[] = [];
  while (responses.length < expected) {
    const response = await wire.response();
    if (response === null) return responses;
    responses.push(response);
  }
  try {
    await (wire.connection as Deno.TcpConn).closeWrite();
  } catch {
    // The server was faster to close.
  }
  for (let response; (response = await wire.response()) !== null;) responses.push(response);
  assertEquals(wire.received, "", "what came last is a whole response");
  return responses;
}

/** The request that the app saw, as the reference would have it. */
function asSeen({ body }: WireResponse): ReferenceRequest {
  const text = new TextDecoder().decode(toBytes(body));
  const { method, url, body: sent } = JSON.parse(text) as Mirrored;
  const path = url.replace(/^http:\/\/[^/]*/, "");
  return { method, target: path, body: toLatin1(new TextEncoder().encode(sent)) };
}

function isSame(seen: ReferenceRequest, request: ReferenceRequest): boolean {
  // Deno takes "http:///a", which has no host, for a path that lacks its first slash.
  const target = request.target.replace(/^http:\/\/[^/?]+/i, "").replace(/^(?!\/)/, "/");
  return seen.method === request.method && isSameTarget(seen.target, target) &&
    isSameBody(seen, request);
}

/** The body of a GET is shown to no app; another one is read whole, and as UTF-8. */
function isSameBody(seen: ReferenceRequest, { method, body }: ReferenceRequest): boolean {
  if (method === "GET" || method === "HEAD") return true;
  const read = body === null ? null : new TextDecoder().decode(toBytes(body));
  return read !== null && seen.body === toLatin1(new TextEncoder().encode(read));
}

/** Targets that are no ASCII are shown as the characters their UTF-8 stands for. */
function isSameTarget(seen: string, sent: Latin1): boolean {
  return seen === sent || seen === new TextDecoder().decode(toBytes(sent));
}

/** Whether the request can be answered without another byte. */
function isWhole({ method, body }: ReferenceRequest): boolean {
  return body !== null || method === "GET" || method === "HEAD";
}

function check(requests: readonly ReferenceRequest[], responses: readonly WireResponse[]): void {
  let next = 0;
  let refused = false;
  for (const response of responses) {
    if (response.status === 200) {
      assert(!refused, "nothing is served behind a refusal");
      const seen = asSeen(response);
      while (next < requests.length && !isSame(seen, requests[next]!)) next++;
      assert(next < requests.length, `the app saw ${JSON.stringify(seen)}, which nobody sent`);
      next++;
    } else {
      assert(REFUSALS.includes(response.status), `status ${response.status}`);
      refused = true;
    }
  }
}

sceneTest(
  `${CONNECTIONS} connections of mutated requests neither fool nor harm the server`,
  async (scene) => {
    const server = await startMirror(scene, 1, "--keep-alive", "1");
    const procs = server.procs().map(({ pid }) => pid);
    const random = new Random(SEED);
    const statuses = new Map<number, number>();
    let next = 0;
    const client = async () => {
      while (next < CONNECTIONS) {
        const id = next++;
        const blob = makeBlob(id, random);
        const requests = readRequests(blob);
        try {
          const expected = requests.filter(isWhole).length;
          const responses = await converse(server.port, blob, expected);
          check(requests, responses);
          for (const { status } of responses) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        } catch (error) {
          throw new Error(`Connection ${id} of seed ${SEED}: ${JSON.stringify(blob)}`, {
            cause: error,
          });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));

    assertEquals(await server.get("/hello"), "hello");
    assertEquals(server.procs().map(({ pid }) => pid), procs, "no proc was replaced");
    assert(!/\[(?:ERROR|CRITICAL)\]/.test(server.output), "nothing is logged as an error");
    // Both sides of the door were tried.
    assert(
      (statuses.get(200) ?? 0) > CONNECTIONS / 5 && (statuses.get(400) ?? 0) > CONNECTIONS / 5,
    );
  },
);
