import type { TemplateSummary } from "../api/templates.ts";

/** Row of the list of device templates. */
export interface TemplateListItem {
  readonly model: string;
  /** Number of devices with this model. */
  readonly devices: number;
  readonly hasModel: boolean;
  readonly template: TemplateSummary | undefined;
}

/** Lists the models that devices have announced or that have a template, by name. */
export function templateList(
  announced: Map<string, number>,
  templates: TemplateSummary[],
  known: Set<string>,
): TemplateListItem[] {
  const byModel = new Map(templates.map((template) => [template.model, template]));
  const models = [...new Set([...announced.keys(), ...byModel.keys()])].sort();
  return models.map((model) => ({
    model,
    devices: announced.get(model) ?? 0,
    hasModel: known.has(model),
    template: byModel.get(model),
  }));
}
