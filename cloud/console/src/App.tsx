import { useEffect } from "preact/hooks";
import { callApi } from "./api/request.ts";
import { forgetSession, signedIn } from "./api/session.ts";
import { Banner } from "./components/Banner.tsx";
import { Icon, type IconName } from "./components/Icon.tsx";
import { EmptyState } from "./components/States.tsx";
import { DevicePage } from "./device/DevicePage.tsx";
import { DevicesPage } from "./devices/DevicesPage.tsx";
import { DEVICES_PATH, route, TEMPLATES_PATH } from "./route.ts";
import { TemplatePage } from "./template/TemplatePage.tsx";
import { TemplatesPage } from "./template/TemplatesPage.tsx";
import { nextTheme, type Theme, theme } from "./theme.ts";

/** Console application. */
export function App() {
  return (
    <>
      <header class="app-header">
        <div>
          <a class="brand" href={DEVICES_PATH}>
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <rect width="32" height="32" rx="8" />
              <path d="M6 19h5l3-9 4 13 3-8h5" />
            </svg>
            <span>Local cloud</span>
          </a>
          <Sections />
          <div class="actions">
            <ThemeSwitch />
            {signedIn.value && <SignOut />}
          </div>
        </div>
      </header>
      <Banner />
      <main>{signedIn.value ? <CurrentPage /> : <SignedOut />}</main>
    </>
  );
}

function Sections() {
  const { page } = route.value;
  const current = (...pages: (typeof page)[]) => (pages.includes(page) ? "page" : undefined);
  return (
    <nav aria-label="Sections">
      <a href={DEVICES_PATH} aria-current={current("devices", "device")}>
        Devices
      </a>
      <a href={TEMPLATES_PATH} aria-current={current("templates", "template")}>
        Device templates
      </a>
    </nav>
  );
}

function CurrentPage() {
  const current = route.value;
  if (current.page === "devices") return <DevicesPage />;
  if (current.page === "device")
    return <DevicePage key={current.device} device={current.device} tab={current.tab} />;
  if (current.page === "templates") return <TemplatesPage />;
  if (current.page === "template") return <TemplatePage key={current.model} id={current.model} />;
  return (
    <EmptyState title="Page not found">
      <a href={DEVICES_PATH}>All devices</a>
    </EmptyState>
  );
}

/** Milliseconds between two checks whether this browser has signed in. */
const SIGN_IN_INTERVAL = 2000;

function SignedOut() {
  useEffect(() => {
    const check = () =>
      callApi("/api/faults").then(
        () => (signedIn.value = true),
        () => undefined,
      );
    const timer = setInterval(() => void check(), SIGN_IN_INTERVAL);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="card signed-out" role="alert">
      <h1>You are signed out</h1>
      <p>
        This browser has no session. Sessions end when you sign out, when the browser is closed,
        after 30 days, when the cloud gets new policy keys, and with a cloud that runs{" "}
        <code>--ephemeral</code>. Run this command in a terminal, and open the link it prints in
        this browser. This page then continues automatically.
      </p>
      <pre>cloud console</pre>
      <p class="muted">
        If the cloud does not use the default directory, add <code>--dir DIR</code> or set{" "}
        <code>CLOUD_DIR</code>.
      </p>
    </div>
  );
}

function SignOut() {
  const signOut = () =>
    callApi("/api/console/session", { method: "DELETE" }).then(forgetSession, () => undefined);
  return (
    <button
      type="button"
      class="subtle small"
      title="Sign out"
      aria-label="Sign out"
      onClick={() => void signOut()}
    >
      <Icon name="signOut" />
    </button>
  );
}

const THEME_BUTTONS: Record<Theme, { icon: IconName; title: string }> = {
  system: { icon: "system", title: "Theme: system" },
  light: { icon: "light", title: "Theme: light" },
  dark: { icon: "dark", title: "Theme: dark" },
};

function ThemeSwitch() {
  const { icon, title } = THEME_BUTTONS[theme.value];
  return (
    <button type="button" class="subtle small" title={title} aria-label={title} onClick={nextTheme}>
      <Icon name={icon} />
    </button>
  );
}
