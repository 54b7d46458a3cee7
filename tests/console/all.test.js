// Runs the tests one after the other: each has its own cloud, and needs the whole machine.
import { after } from "node:test";
import { closeBrowser } from "./support/browser.js";
import "./tests/sign_in.js";
import "./tests/tutorial.js";
import "./tests/devices.js";
import "./tests/activity.js";
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
