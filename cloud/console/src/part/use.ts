import { type Signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
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

/** Asks when shown, when the cloud comes back, when `keys` change, and on request. The last answer stays meanwhile. */
export function useAsked<T>(asking: () => Promise<T>, keys: unknown[]): Asked<T> {
  const [answer, setAnswer] = useState<{ value?: T; problem?: unknown }>({});
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((turn) => turn + 1);
  useSignalEffect(() => {
    if (returns.value > 0) again();
  });
  useEffect(() => {
    let isWanted = true;
    asking().then(
      (value) => isWanted && setAnswer({ value }),
      (problem: unknown) => isWanted && setAnswer((old) => ({ ...old, problem })),
    );
    return () => {
      isWanted = false;
    };
  }, [...keys, turn]);
  const { value, problem } = answer;
  const trouble = problem === undefined ? undefined : inWords(problem);
  return { value, trouble, isMissing: problem instanceof Problem && problem.status === 404, again };
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
