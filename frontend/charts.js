// Draws the charts of the dashboard: what `<sluice-chart>` holds in its property `drawing`, in the colours of the theme.
//
// The server decides what is drawn (`app/src/charts`); this file only adds what JSON cannot say: how numbers are written,
// and which colour a variable of the style sheet has now. A chart is drawn anew when its drawing, its size or the theme
// changes, and goes when its element leaves the page. Nothing is loaded from anywhere, and no markup is made, so that the
// policy of the page (no inline styles) holds: tooltips are drawn on the canvas too.

import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, AriaComponent, GridComponent, TooltipComponent, CanvasRenderer]);

/** The charts on the page. */
const charts = new Set();

const grouped = (number, digits) => number.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A count on an axis, where there is little room: `1.5M`, `20k`. */
function short(number) {
  for (const [unit, suffix] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (Math.abs(number) >= unit) return `${Number((number / unit).toPrecision(4))}${suffix}`;
  }
  return String(Number(number.toPrecision(4)));
}

/** A duration as `app/src/format.rs` writes it. */
function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 60_000 ? 2 : 1)} s`;
}

/** How numbers of each unit are written, on the axis and in full. */
function unitOf(name) {
  switch (name) {
    case "milliseconds":
      return {
        axis: (number) => (number < 1000 ? `${short(number)} ms` : `${short(number / 1000)} s`),
        full: duration,
      };
    case "count":
      return { axis: short, full: (number) => grouped(number, 0) };
    default: // A currency.
      return {
        axis: short,
        full: (number) => `${grouped(number, number !== 0 && Math.abs(number) < 1 ? 4 : 2)} ${name}`,
      };
  }
}

/** The name of a period on the axis, without what its neighbours share; the tooltip has it in full. */
function shortPeriod(name) {
  if (name.length === 16) return name.endsWith("00:00") ? name.slice(5, 10) : name.slice(11);
  return name.length === 10 ? name.slice(5) : name;
}

/** Reads the colours of the theme. The canvas is asked for red, green and blue, because charts know no `oklch()`. */
function colours(element) {
  const style = getComputedStyle(element);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const known = new Map();
  return (variable, opacity = 1) => {
    if (!known.has(variable)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = style.getPropertyValue(variable).trim() || "gray";
      pen.fillRect(0, 0, 1, 1);
      known.set(variable, [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)].join(","));
    }
    return `rgba(${known.get(variable)},${opacity})`;
  };
}

/** Whole steps for what comes in whole numbers, however few there are. */
const wholeSteps = (unit) => (unit === "count" ? { minInterval: 1 } : {});

/** The option of a drawing with everything that depends on the page. */
function complete(drawing, element) {
  const colour = colours(element);
  const { unit, periods, option } = JSON.parse(drawing, (key, value) =>
    key === "color" && typeof value === "string" && value.startsWith("--") ? colour(value) : value,
  );
  const { axis, full } = unitOf(unit);
  // One axis comes as it is, several come as a list.
  const xAxis = [option.xAxis].flat();
  const yAxis = [option.yAxis].flat();
  const font = { fontFamily: getComputedStyle(element).fontFamily, fontSize: 12 };
  const quiet = { ...font, color: colour("--color-base-content", 0.74) };
  const line = { lineStyle: { color: colour("--color-base-300") } };
  // Hours over many days are told apart by their days.
  const days = periods === "hour" && xAxis[0].data.length > 49;
  return {
    ...option,
    animation: false,
    grid: { left: 8, right: 12, top: 12, bottom: 4 },
    series: option.series.map((given) => (given.type === "bar" ? { ...given, barMaxWidth: 40, barCategoryGap: "25%" } : given)),
    textStyle: font,
    tooltip: {
      ...option.tooltip,
      renderMode: "richText",
      confine: true,
      valueFormatter: (value) => (value === undefined || value === null ? "–" : full(value)),
      backgroundColor: colour("--color-base-100", 0.97),
      borderColor: colour("--color-base-300"),
      borderWidth: 1,
      padding: [8, 12],
      textStyle: { ...font, color: colour("--color-base-content") },
      axisPointer: {
        type: option.series[0]?.type === "bar" ? "shadow" : "line",
        shadowStyle: { color: colour("--color-base-content", 0.06) },
        lineStyle: { color: colour("--color-base-content", 0.4) },
      },
    },
    xAxis: xAxis.map((given) => ({
      ...given,
      axisTick: { show: false },
      axisLine: line,
      axisLabel: {
        ...quiet,
        hideOverlap: true,
        formatter: shortPeriod,
        ...(days ? { interval: (_, name) => name.endsWith("00:00") } : {}),
      },
    })),
    yAxis: yAxis.map((given) => ({
      ...given,
      ...wholeSteps(unit),
      splitNumber: 4,
      axisLabel: { ...quiet, formatter: axis },
      splitLine: line,
    })),
  };
}

class Chart extends HTMLElement {
  #drawing = null;
  #chart = null;
  #sizes = new ResizeObserver(() => this.#resize());

  get drawing() {
    return this.#drawing;
  }

  set drawing(value) {
    this.#drawing = value;
    this.draw();
  }

  connectedCallback() {
    // Set before this class was loaded, the property hides the accessor.
    if (Object.hasOwn(this, "drawing")) {
      const { drawing } = this;
      delete this.drawing;
      this.#drawing = drawing;
    }
    charts.add(this);
    this.#sizes.observe(this);
    this.draw();
  }

  disconnectedCallback() {
    charts.delete(this);
    this.#sizes.disconnect();
    this.#chart?.dispose();
    this.#chart = null;
  }

  #resize() {
    if (!this.#chart) this.draw();
    else if (this.clientWidth > 0) this.#chart.resize();
  }

  draw() {
    // An element without a size is measured again when it has one.
    if (!this.isConnected || !this.#drawing || this.clientWidth === 0) return;
    this.#chart ??= init(this, null, { renderer: "canvas" });
    this.#chart.setOption(complete(this.#drawing, this), { notMerge: true });
    this.toggleAttribute("data-drawn", true);
  }
}

const redraw = () => charts.forEach((chart) => chart.draw());
new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

customElements.define("sluice-chart", Chart);
