import { useEffect } from "preact/hooks";
import { ask, signedIn } from "./cloud/request.ts";
import { DevicePage } from "./device/DevicePage.tsx";
import { DevicesPage } from "./devices/DevicesPage.tsx";
import { Banner } from "./part/Banner.tsx";
import { Icon, type IconName } from "./part/Icon.tsx";
import { Empty } from "./part/State.tsx";
import { DEVICES, route, TEMPLATES } from "./route.ts";
import { TemplatePage } from "./template/TemplatePage.tsx";
import { TemplatesPage } from "./template/TemplatesPage.tsx";
import { type Theme, theme, turn } from "./theme.ts";

/** The whole page. */
export function App() {
  return (
    <>
      <header class="top">
        <div>
          <a class="brand" href={DEVICES}>
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <rect width="32" height="32" rx="8" />
              <path d="M6 19h5l3-9 4 13 3-8h5" />
            </svg>
            <span>Local cloud</span>
          </a>
          <Sections />
          <ThemeSwitch />
        </div>
      </header>
      <Banner />
      <main>{signedIn.value ? <Shown /> : <SignedOut />}</main>
    </>
  );
}

function Sections() {
  const { page } = route.value;
  const current = (...pages: (typeof page)[]) => (pages.includes(page) ? "page" : undefined);
  return (
    <nav aria-label="Sections">
      <a href={DEVICES} aria-current={current("devices", "device")}>Devices</a>
      <a href={TEMPLATES} aria-current={current("templates", "template")}>Templates</a>
    </nav>
  );
}

function Shown() {
  const shown = route.value;
  if (shown.page === "devices") return <DevicesPage />;
  if (shown.page === "device") return <DevicePage key={shown.device} device={shown.device} place={shown.place} />;
  if (shown.page === "templates") return <TemplatesPage />;
  if (shown.page === "template") return <TemplatePage key={shown.model} id={shown.model} />;
  return (
    <Empty title="There is no such page.">
      <a href={DEVICES}>All devices</a>
    </Empty>
  );
}

/** Milliseconds between two looks whether a link was opened in this browser. */
const PATIENCE = 2000;

function SignedOut() {
  useEffect(() => {
    const look = () => ask("/api/faults").then(() => (signedIn.value = true), () => undefined);
    const timer = setInterval(() => void look(), PATIENCE);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="card signed-out" role="alert">
      <h1>You are signed out</h1>
      <p>
        The cloud does not know this browser: it has not signed in since it was closed, or has asked nothing for 30 days, or the
        cloud keeps nothing (<code>--ephemeral</code>). For a link that signs you in, run this in a terminal and open what it
        prints in this browser. This page then goes on by itself.
      </p>
      <pre>cloud console</pre>
      <p class="faint">
        It wants to know the cloud's directory, if that is not the usual one: <code>cloud --dir DIR console</code>, or{" "}
        <code>CLOUD_DIR</code>.
      </p>
    </div>
  );
}

const THEMES: Record<Theme, { icon: IconName; title: string }> = {
  system: { icon: "system", title: "Colours: as the system has them" },
  light: { icon: "light", title: "Colours: light" },
  dark: { icon: "dark", title: "Colours: dark" },
};

function ThemeSwitch() {
  const { icon, title } = THEMES[theme.value];
  return (
    <button type="button" class="quiet small" title={title} aria-label={title} onClick={turn}>
      <Icon name={icon} />
    </button>
  );
}
