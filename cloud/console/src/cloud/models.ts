import { signal } from "@preact/signals";
import { objects } from "../json.ts";
import { type Interface, interpret } from "../model/interface.ts";
import { ask, part, Problem } from "./request.ts";

const known = new Map<string, Promise<Interface | undefined>>();

/** There is no such model, or what a device has announced is no identifier of one. */
const UNKNOWN = [404, 400];

/** Counts the models that were added: what was asked for before is to be asked for again. */
export const additions = signal(0);

/** The interface of a model, or nothing if the cloud has no such model. */
export function model(id: string): Promise<Interface | undefined> {
  const asked = known.get(id) ?? load(id);
  known.set(id, asked);
  return asked;
}

/** What models there are. */
export interface Listing {
  /** The identifiers of those the cloud knows. */
  readonly ids: string[];
  /** Which files of its directory of models cannot be used, and why. */
  readonly broken: string[];
}

/** The models there are. */
export async function models(): Promise<Listing> {
  return (await ask("/api/models")).body as unknown as Listing;
}

/**
 * Adds a model: a file of DTDL with its interface, and with those it needs.
 *
 * @throws If it is no JSON. {Problem} 400 with what is wrong with the DTDL, and where.
 */
export async function addModel(id: string, file: Blob): Promise<void> {
  try {
    JSON.parse(await file.text());
  } catch (problem) {
    throw new Error(`it is not JSON: ${(problem as Error).message}`);
  }
  await ask(`/api/models/${part(id)}`, { method: "PUT", file });
  known.clear();
  additions.value++;
}

async function load(id: string): Promise<Interface | undefined> {
  try {
    return interpret(objects((await ask(`/api/models/${part(id)}`)).body), id);
  } catch (problem) {
    known.delete(id);
    if (problem instanceof Problem && UNKNOWN.includes(problem.status)) return undefined;
    throw problem;
  }
}
