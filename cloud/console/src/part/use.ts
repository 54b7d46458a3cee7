import { type Signal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../cloud/request.ts";
import { returns } from "../live/stream.ts";

/** Something that is asked for: not yet there, there, or refused. */
export interface Asked<T> {
  readonly value: T | undefined;
  readonly trouble: string | undefined;
  /** Whether the trouble is that there is no such thing. */
  readonly isMissing: boolean;
  readonly again: () => void;
}

/**
 * Asks when shown, when the cloud comes back, when `keys` change, and on request. The last answer stays meanwhile. One
 * question is asked at a time: what is requested meanwhile is asked once more after it, so that answers come however often.
 */
export function useAsked<T>(asking: () => Promise<T>, keys: unknown[]): Asked<T> {
  const [answer, setAnswer] = useState<{ value?: T; problem?: unknown }>({});
  const again = useRef(() => {});
  useSignalEffect(() => {
    if (returns.value > 0) again.current();
  });
  // Before the page is painted: the answer is on its way meanwhile.
  useLayoutEffect(() => {
    let [isWanted, isAsking, isStale] = [true, false, false];
    const ask = async () => {
      isStale = true;
      if (isAsking) return;
      isAsking = true;
      while (isWanted && isStale) {
        isStale = false;
        const answer = await asking().then((value) => ({ value }), (problem: unknown) => ({ problem }));
        if (isWanted) setAnswer((old) => ("value" in answer ? answer : { ...old, ...answer }));
      }
      isAsking = false;
    };
    again.current = () => void ask();
    void ask();
    return () => {
      isWanted = false;
    };
  }, keys);
  const { value, problem } = answer;
  const trouble = problem === undefined ? undefined : inWords(problem);
  const isMissing = problem instanceof Problem && problem.status === 404;
  return { value, trouble, isMissing, again: () => again.current() };
}

/** Acts when something has changed, at most once in `pace` milliseconds, however often it does. */
export function usePaced(changes: Signal<number>, pace: number, act: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useSignalEffect(() => {
    if (changes.value === 0 || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      act();
    }, pace);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** The time, which moves on every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** What went wrong, for the person who asked. */
export function inWords(problem: unknown): string {
  if (problem instanceof Problem) return problem.message;
  return problem instanceof Error ? problem.message : String(problem);
}
