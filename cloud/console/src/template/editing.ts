import { computed, signal } from "@preact/signals";
import { Problem } from "../cloud/request.ts";
import { arrange, publish, type Template, template as askTemplate, type View } from "../cloud/templates.ts";
import { equal, type Json } from "../json.ts";
import { inWords } from "../part/use.ts";

/** The template is another than it was when it was read, or is there no more. */
const OVERTAKEN = [412, 404];

/** The views of a template while somebody arranges them. */
export class Editing {
  /** As they are on the page. */
  readonly views = signal<readonly View[]>([]);
  /** As the cloud has it, as far as this page knows; nothing before the first draft. */
  readonly template = signal<Template>();
  /** Why the cloud did not take the last change. */
  readonly trouble = signal<string>();
  /** Whether somebody else has changed the template meanwhile. */
  readonly isOvertaken = signal(false);
  readonly isBusy = signal(false);
  readonly newest = computed(() => this.template.value?.versions.at(-1));
  readonly isSaved = computed(() => same(this.views.value, this.template.value?.draft));
  /** Whether everyone sees what is on the page. */
  readonly isPublished = computed(() => same(this.views.value, this.newest.value?.views) && this.isSaved.value);

  constructor(private readonly model: string, template: Template | undefined) {
    this.take(template);
  }

  /** Makes what is on the page the draft. */
  save(): Promise<void> {
    return this.attempt(() => this.arrange());
  }

  /** Makes what is on the page the newest version. */
  publish(): Promise<void> {
    return this.attempt(async () => {
      const known = this.template.value;
      const template = known && this.isSaved.value ? known : await this.arrange();
      this.template.value = await publish(this.model, template);
    });
  }

  /** Makes what is on the page the draft, whatever somebody else has made of it. */
  overwrite(): Promise<void> {
    return this.attempt(async () => {
      this.template.value = await arrange(this.model, this.views.value, "any");
    });
  }

  /** Shows what somebody else has made of it, and forgets what is on the page. */
  yield(): Promise<void> {
    return this.attempt(async () => this.take(await askTemplate(this.model)));
  }

  private take(template: Template | undefined): void {
    this.template.value = template;
    this.views.value = template?.draft ?? [];
  }

  private async arrange(): Promise<Template> {
    const template = await arrange(this.model, this.views.value, this.template.value ?? "none");
    this.template.value = template;
    return template;
  }

  private async attempt(act: () => Promise<unknown>): Promise<void> {
    this.isBusy.value = true;
    this.trouble.value = undefined;
    try {
      await act();
      this.isOvertaken.value = false;
    } catch (problem) {
      const isOvertaken = problem instanceof Problem && OVERTAKEN.includes(problem.status);
      this.isOvertaken.value ||= isOvertaken;
      this.trouble.value = isOvertaken ? undefined : inWords(problem);
    }
    this.isBusy.value = false;
  }
}

function same(views: readonly View[], others: readonly View[] = []): boolean {
  return equal(views as unknown as Json, others as unknown as Json);
}
