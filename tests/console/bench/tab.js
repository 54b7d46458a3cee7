/** Resource usage of a browser tab. */
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

  /**
   * Returns the heap size after garbage collection, the number of DOM nodes, the seconds of main-
   * thread work, and the number of requests.
   */
  async now() {
    await this.#session.send("HeapProfiler.collectGarbage");
    const { metrics } = await this.#session.send("Performance.getMetrics");
    const figure = (name) => metrics.find((metric) => metric.name === name).value;
    return {
      heap: figure("JSHeapUsedSize"),
      nodes: figure("Nodes"),
      worked: figure("TaskDuration"),
      at: figure("Timestamp"),
      requests: this.#requests,
    };
  }
}
