// The small figures that one can move: they come without the model, and start by themselves.
import { floorFigure } from "./floor.js";
import { lotsFigure } from "./lots.js";
import { temperatureFigure } from "./temperature.js";
import { towersFigure } from "./towers.js";

const FIGURES = { temperature: temperatureFigure, floor: floorFigure, lots: lotsFigure, towers: towersFigure };

/** Called once with the data of all figures. */
export function start(data) {
  return {
    /** Put into `place`, a div.live-figure, the figure that its other class names: live-floor-figure, ... */
    mount(place) {
      const name = Object.keys(FIGURES).find((key) => place.classList.contains(`live-${key}-figure`));
      place.replaceChildren();
      FIGURES[name](place, data[name]);
      place.dataset.ready = "yes";
    },
  };
}
