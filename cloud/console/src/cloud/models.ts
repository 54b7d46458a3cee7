import { signal } from "@preact/signals";
import { asObject, objects } from "../json.ts";
import { type Interface, interpret } from "../model/interface.ts";
import { ask, part, Problem } from "./request.ts";

const known = new Map<string, Promise<Interface | undefined>>();

/** Counts the models that were added: what was asked for before is to be asked for again. */
export const additions = signal(0);

/** The interface of a model, or nothing if the cloud has no such model. */
export function model(id: string): Promise<Interface | undefined> {
  const asked = known.get(id) ?? load(id);
  known.set(id, asked);
  return asked;
}

/** The identifiers of the models the cloud knows. */
export async function modelIds(): Promise<Set<string>> {
  const listing = asObject((await ask("/api/models")).body);
  return new Set((listing?.["ids"] as string[] | undefined) ?? []);
}

/**
 * Adds a model: a file of DTDL with its interface, and with those it needs.
 *
 * @throws {Problem} 400 with what is wrong with the file, and where.
 */
export async function addModel(id: string, file: Blob): Promise<void> {
  await ask(`/api/models/${part(id)}`, { method: "PUT", file });
  known.clear();
  additions.value++;
}

async function load(id: string): Promise<Interface | undefined> {
  try {
    return interpret(objects((await ask(`/api/models/${part(id)}`)).body), id);
  } catch (problem) {
    known.delete(id);
    if (problem instanceof Problem && problem.status === 404) return undefined;
    throw problem;
  }
}
