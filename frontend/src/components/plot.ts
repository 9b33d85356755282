/** The parts of Observable Plot that are drawn with; loaded when the first chart is shown. */
export {
  areaY,
  axisX,
  axisY,
  dot,
  gridX,
  gridY,
  line,
  lineY,
  plot,
  pointer,
  pointerX,
  ruleX,
  ruleY,
  text,
  tip,
} from "@observablehq/plot"
