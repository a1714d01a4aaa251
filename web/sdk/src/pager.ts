// A text outside of any call.

import { sequenceOf } from "./incoming.ts";
import { kMessageIdHeader, kSequenceHeader } from "./names.ts";
import type { IncomingResponse, UA } from "./sip.ts";
import { type SentText, type TextOptions, WebphoneError } from "./types.ts";

export function sendText(ua: UA, target: unknown, text: string, options: TextOptions): Promise<SentText> {
  return new Promise((resolve, reject) => {
    const send = ua.sendMessage as unknown as (target: unknown, body: string, options: object) => unknown;
    send.call(ua, target, text, {
      contentType: options.contentType ?? "text/plain;charset=utf-8",
      extraHeaders: options.report === true ? ["Parley-Report: delivered"] : [],
      eventHandlers: {
        succeeded: ({ response }: { response: IncomingResponse }) => resolve({
          id: response.getHeader(kMessageIdHeader) ?? null, sequence: sequenceOf(response.getHeader(kSequenceHeader)),
        }),
        failed: ({ response }: { response: IncomingResponse | null }) => {
          const status = response?.status_code ?? null;
          reject(new WebphoneError(status === null ? "connection-lost" : "refused", `The text was not taken: ${status ?? "no answer"}.`, status));
        },
      },
    });
  });
}
