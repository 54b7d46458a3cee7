import { computed, signal } from "@preact/signals";
import { ApiError } from "../api/request.ts";
import {
  getTemplate,
  publishDraft,
  saveDraft,
  type Template,
  type View,
} from "../api/templates.ts";
import { errorMessage } from "../components/hooks.ts";
import { equal, type Json } from "../json.ts";

/** Statuses for a template that was changed or deleted by another session. */
const CONFLICT_STATUSES = [412, 404];

/** Draft of a device template on this page. */
export class TemplateDraft {
  /** Views on the page. */
  readonly views = signal<readonly View[]>([]);
  /** Last known stored template; `undefined` before the first draft. */
  readonly template = signal<Template>();
  /** Error of the last request. */
  readonly error = signal<string>();
  /** True if another session has changed the template. */
  readonly hasConflict = signal(false);
  readonly isBusy = signal(false);
  readonly latest = computed(() => this.template.value?.versions.at(-1));
  readonly isSaved = computed(() => sameViews(this.views.value, this.template.value?.draft));
  /** True if the views on the page are published. */
  readonly isPublished = computed(
    () => sameViews(this.views.value, this.latest.value?.views) && this.isSaved.value,
  );

  constructor(
    private readonly model: string,
    template: Template | undefined,
  ) {
    this.load(template);
  }

  /** Saves the views as the draft. */
  save(): Promise<void> {
    return this.run(() => this.saveViews());
  }

  /** Publishes the views as a new version. */
  publish(): Promise<void> {
    return this.run(async () => {
      const stored = this.template.value;
      const template = stored && this.isSaved.value ? stored : await this.saveViews();
      this.template.value = await publishDraft(this.model, template);
    });
  }

  /** Saves the views as the draft, overwriting the changes of another session. */
  overwrite(): Promise<void> {
    return this.run(async () => {
      this.template.value = await saveDraft(this.model, this.views.value, "any");
    });
  }

  /** Discards the views on the page and loads the stored draft. */
  discard(): Promise<void> {
    return this.run(async () => this.load(await getTemplate(this.model)));
  }

  private load(template: Template | undefined): void {
    this.template.value = template;
    this.views.value = template?.draft ?? [];
  }

  private async saveViews(): Promise<Template> {
    const template = await saveDraft(this.model, this.views.value, this.template.value ?? "none");
    this.template.value = template;
    return template;
  }

  private async run(action: () => Promise<unknown>): Promise<void> {
    this.isBusy.value = true;
    this.error.value = undefined;
    try {
      await action();
      this.hasConflict.value = false;
    } catch (error) {
      const isConflict = error instanceof ApiError && CONFLICT_STATUSES.includes(error.status);
      this.hasConflict.value ||= isConflict;
      this.error.value = isConflict ? undefined : errorMessage(error);
    }
    this.isBusy.value = false;
  }
}

function sameViews(views: readonly View[], others: readonly View[] = []): boolean {
  return equal(views as unknown as Json, others as unknown as Json);
}
