import { type Signal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/request.ts";
import { reconnects } from "../live/stream.ts";

/** Result of a query: pending, loaded or failed. */
export interface Query<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
  /** True if the requested item does not exist. */
  readonly isNotFound: boolean;
  readonly refetch: () => void;
}

/**
 * Runs a query when mounted, when the cloud is reachable again, when `keys` change, and on
 * `refetch`. Keeps the last result meanwhile. One query runs at a time: calls of `refetch` during
 * a query run it once more afterwards, so that results are shown however often it is called.
 */
export function useQuery<T>(fetch: () => Promise<T>, keys: unknown[]): Query<T> {
  const [result, setResult] = useState<{ data?: T; failure?: unknown }>({});
  const refetch = useRef(() => {});
  useSignalEffect(() => {
    if (reconnects.value > 0) refetch.current();
  });
  // Sends the request before the first paint.
  useLayoutEffect(() => {
    let [isMounted, isRunning, isStale] = [true, false, false];
    const run = async () => {
      isStale = true;
      if (isRunning) return;
      isRunning = true;
      while (isMounted && isStale) {
        isStale = false;
        const result = await fetch().then(
          (data) => ({ data }),
          (failure: unknown) => ({ failure }),
        );
        if (isMounted) setResult((old) => ("data" in result ? result : { ...old, ...result }));
      }
      isRunning = false;
    };
    refetch.current = () => void run();
    void run();
    return () => {
      isMounted = false;
    };
  }, keys);
  const { data, failure } = result;
  const error = failure === undefined ? undefined : errorMessage(failure);
  const isNotFound = failure instanceof ApiError && failure.status === 404;
  return { data, error, isNotFound, refetch: () => refetch.current() };
}

/** Runs `act` after a change, at most once in `interval` milliseconds. */
export function useThrottled(changes: Signal<number>, interval: number, act: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useSignalEffect(() => {
    if (changes.value === 0 || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      act();
    }, interval);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Returns the current time, updated every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Returns the message of an error. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
