import { signal } from "@preact/signals";

/**
 * Session with the cloud. It has two secrets: a cookie, which browsers send to every port of this
 * machine, and a key, which is kept here for this port only.
 */

const STORAGE = "session-key";
const HEADER = "x-console-key";
const FRAGMENT = /^#key=([0-9a-f]{32})$/;

/** True while this browser has a session with the cloud. */
export const signedIn = signal(true);

/** Takes the key that a sign-in link has put into the address. */
export function adoptSessionKey(): void {
  const key = FRAGMENT.exec(location.hash)?.[1];
  if (key === undefined) return;
  localStorage.setItem(STORAGE, key);
  history.replaceState(history.state, "", location.pathname + location.search);
}

/** Headers that authenticate a request. Read each time: another tab may have signed in. */
export function sessionHeaders(): Record<string, string> {
  const key = localStorage.getItem(STORAGE);
  return key === null ? {} : { [HEADER]: key };
}

/** Forgets the session, after it was ended. */
export function forgetSession(): void {
  localStorage.removeItem(STORAGE);
  signedIn.value = false;
}
