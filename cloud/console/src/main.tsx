import "uplot/dist/uPlot.min.css";
import "./style/colour.css";
import "./style/base.css";
import "./style/part.css";
import "./style/page.css";
import "./style/view.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { listen } from "./route.ts";

listen();
const page = document.getElementById("page");
if (page) render(<App />, page);
