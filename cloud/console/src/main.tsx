import "uplot/dist/uPlot.min.css";
import "./style/colour.css";
import "./style/base.css";
import "./style/components.css";
import "./style/page.css";
import "./style/view.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { adoptSessionKey } from "./api/session.ts";
import { startRouter } from "./route.ts";

adoptSessionKey();
startRouter();
const page = document.getElementById("page");
if (page) render(<App />, page);
