/** Why a WebSocket is closed: RFC 6455, 7.4.1, and IANA's registry of close codes. */

export const CloseCode = {
  goingAway: 1001,
  /** A close frame came that has no code. Never sent. */
  none: 1005,
  /** The connection ended without a close frame. Never sent. */
  abnormal: 1006,
  internalError: 1011,
  restart: 1012,
} as const;

/** What the client is told when the thread behind its WebSocket is gone, or of a fault. */
export const INTERNAL_ERROR = [CloseCode.internalError, "Internal error"] as const;
