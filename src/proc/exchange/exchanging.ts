/** What the server gives to whoever runs exchanges, and is told by them. */

import type { ReplaceCause } from "../../protocol/control/control.ts";
import type { Deadlines } from "../edge/deadlines.ts";
import type { Session } from "../session/session.ts";
import type { WebSockets } from "../websocket/websockets.ts";

export interface Exchanging {
  /** Milliseconds since the process began, as of the last sweep. */
  readonly now: number;
  /** Whether the response in hand is the last of its connection: it says `Connection: close`. */
  closesAfter(session: Session): boolean;
  /** The WebSockets of the proc. */
  readonly sockets: WebSockets;
  readonly deadlines: Deadlines;
  /** Closes a connection as soon as what is in flight on it is answered; see Lifetimes. */
  close(session: Session, patient?: boolean): void;
  /** An exchange begins on this session. */
  began(session: Session): void;
  /** An exchange ended on this session. */
  ended(session: Session): void;
  /** A thread hangs or died: the proc must be replaced. */
  replaceMe(why: string, cause: ReplaceCause): void;
}
