import { objects } from "../json.ts";
import { type Interface, interpret } from "../model/interface.ts";
import { ask, part, Problem } from "./request.ts";

const known = new Map<string, Promise<Interface | undefined>>();

/** The interface of a model, or nothing if the cloud has no such model. */
export function model(id: string): Promise<Interface | undefined> {
  const asked = known.get(id) ?? load(id);
  known.set(id, asked);
  return asked;
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
