import type { TemplateSummary } from "../cloud/templates.ts";

/** A model as the list of templates has it. */
export interface Row {
  readonly model: string;
  /** How many have announced it. */
  readonly devices: number;
  readonly isKnown: boolean;
  readonly template: TemplateSummary | undefined;
}

/** The models that devices have announced or that have a template, in the order of their names. */
export function rows(announced: Map<string, number>, templates: TemplateSummary[], known: Set<string>): Row[] {
  const of = new Map(templates.map((template) => [template.model, template]));
  const models = [...new Set([...announced.keys(), ...of.keys()])].sort();
  return models.map((model) => ({
    model,
    devices: announced.get(model) ?? 0,
    isKnown: known.has(model),
    template: of.get(model),
  }));
}
