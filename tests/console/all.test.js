// One after the other: each test has a cloud of its own, and all of them the machine.
import { after } from "node:test";
import { closeBrowser } from "./support/browser.js";
import "./tests/sign_in.js";
import "./tests/story.js";
import "./tests/devices.js";
import "./tests/happenings.js";
import "./tests/chart.js";
import "./tests/twin.js";
import "./tests/outages.js";
import "./tests/trace.js";
import "./tests/component.js";
import "./tests/templates.js";
import "./tests/hostile.js";
import "./tests/restart.js";
import "./tests/pages.js";
import "./tests/scale.js";

after(closeBrowser);
