/** What a tab of the browser takes. */
export class Tab {
  #session;
  #requests = 0;

  static async of(page) {
    const tab = new Tab();
    tab.#session = await page.context().newCDPSession(page);
    await tab.#session.send("Performance.enable");
    await tab.#session.send("HeapProfiler.enable");
    page.on("request", () => (tab.#requests += 1));
    return tab;
  }

  /** Bytes of its heap without what is garbage, nodes of its document, seconds its main thread has worked, and requests it has made. */
  async now() {
    await this.#session.send("HeapProfiler.collectGarbage");
    const { metrics } = await this.#session.send("Performance.getMetrics");
    const figure = (name) => metrics.find((metric) => metric.name === name).value;
    return { heap: figure("JSHeapUsedSize"), nodes: figure("Nodes"), worked: figure("TaskDuration"), at: figure("Timestamp"), requests: this.#requests };
  }
}
