import { signal } from "@preact/signals";
import { asObjects } from "../json.ts";
import { type Interface, parseInterface } from "../model/interface.ts";
import { ApiError, callApi, pathSegment } from "./request.ts";

const cache = new Map<string, Promise<Interface | undefined>>();

/** Statuses for an unknown model, or an announced id that is not a valid model id. */
const NOT_FOUND = [404, 400];

/** Counts added models; a change invalidates loaded models. */
export const modelAdditions = signal(0);

/** Returns the interface of a model, or `undefined` if the cloud does not have the model. */
export function getModel(id: string): Promise<Interface | undefined> {
  const model = cache.get(id) ?? fetchModel(id);
  cache.set(id, model);
  return model;
}

/** Models known to the cloud. */
export interface ModelList {
  /** Ids of the models. */
  readonly ids: string[];
  /** Files of the model directory that cannot be read, with the reason. */
  readonly broken: string[];
  /** True while the cloud is still reading files: the list has what is known so far. */
  readonly pending: boolean;
}

/** Lists the models. */
export async function listModels(): Promise<ModelList> {
  return (await callApi("/api/models")).body as unknown as ModelList;
}

/**
 * Uploads a model: a DTDL file with the interface and the interfaces it depends on.
 *
 * @throws {Error} If the file is not JSON. {ApiError} 400 with the location of the DTDL error.
 */
export async function addModel(id: string, file: Blob): Promise<void> {
  try {
    JSON.parse(await file.text());
  } catch (error) {
    throw new Error(`not valid JSON: ${(error as Error).message}`);
  }
  await callApi(`/api/models/${pathSegment(id)}`, { method: "PUT", file });
  cache.clear();
  modelAdditions.value++;
}

async function fetchModel(id: string): Promise<Interface | undefined> {
  try {
    return parseInterface(asObjects((await callApi(`/api/models/${pathSegment(id)}`)).body), id);
  } catch (error) {
    cache.delete(id);
    if (error instanceof ApiError && NOT_FOUND.includes(error.status)) return undefined;
    throw error;
  }
}
