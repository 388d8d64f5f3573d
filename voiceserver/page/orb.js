// The orb: one soft shape whose colour tells the state and whose size the voice.
// Draws; decides nothing. Colours are OKLCH, so that every state is equally bright.

const STATES = {
  //            hue of core and rim, chroma, wobble at rest, speed, swell by level
  idle: { core: 215, rim: 265, chroma: 0.055, wobble: 0.012, speed: 0.25, swell: 0 },
  connecting: { core: 255, rim: 285, chroma: 0.08, wobble: 0.02, speed: 0.9, swell: 0 },
  listening: { core: 205, rim: 258, chroma: 0.115, wobble: 0.018, speed: 0.4, swell: 0.16 },
  hearing: { core: 165, rim: 215, chroma: 0.14, wobble: 0.03, speed: 0.8, swell: 0.3 },
  thinking: { core: 285, rim: 325, chroma: 0.13, wobble: 0.035, speed: 1.5, swell: 0 },
  speaking: { core: 68, rim: 18, chroma: 0.15, wobble: 0.03, speed: 0.8, swell: 0.34 },
  reconnecting: { core: 85, rim: 60, chroma: 0.075, wobble: 0.012, speed: 0.5, swell: 0 },
  error: { core: 35, rim: 15, chroma: 0.1, wobble: 0.008, speed: 0.2, swell: 0 },
};
const POINTS = 96;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

export class Orb {
  #canvas;
  #brush;
  #now = { ...STATES.idle, level: 0, spin: 0 };
  #time = 0;
  #last = 0;
  #radius = 0;
  #read;

  // read(): {state, level}, asked for with every frame.
  constructor(canvas, read) {
    this.#canvas = canvas;
    this.#brush = canvas.getContext("2d");
    this.#read = read;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    requestAnimationFrame((at) => this.#frame(at));
  }

  #resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const size = Math.round(this.#canvas.clientWidth * ratio);
    if (!size) return;
    this.#canvas.width = this.#canvas.height = size;
    this.#radius = size * 0.29;
  }

  #frame(at) {
    const step = Math.min(0.1, (at - this.#last) / 1000);
    // Half the frames are enough for a shape this soft, and spare a battery.
    if (at - this.#last > 30) {
      this.#last = at;
      this.#ease(step);
      this.#draw();
    }
    requestAnimationFrame((next) => this.#frame(next));
  }

  #ease(step) {
    const { state, level } = this.#read();
    const goal = STATES[state] ?? STATES.idle;
    const now = this.#now;
    const pace = 1 - Math.exp(-step * 5);
    for (const key of ["chroma", "wobble", "speed", "swell"]) {
      now[key] += (goal[key] - now[key]) * pace;
    }
    for (const key of ["core", "rim"]) {
      const way = ((goal[key] - now[key] + 540) % 360) - 180; // the short way round
      now[key] = (now[key] + way * pace + 360) % 360;
    }
    now.level = level;
    const spin = state === "thinking" || state === "connecting" ? 1 : 0;
    now.spin += (spin - now.spin) * pace;
    if (!STILL.matches) this.#time += step * now.speed;
  }

  #draw() {
    const { width } = this.#canvas;
    const brush = this.#brush;
    const { core, rim, chroma, level, swell } = this.#now;
    const middle = width / 2;
    const radius = this.#radius * (1 + level * swell * 0.55 + this.#breath());
    brush.clearRect(0, 0, width, width);
    brush.save();
    brush.translate(middle, middle);
    this.#halo(middle, radius, rim, chroma, level * (swell ? 1 : 0));
    this.#veil(radius, 2, rim, chroma);
    this.#veil(radius, 1, rim, chroma);
    this.#body(radius, core, rim, chroma);
    this.#arc(radius, core, chroma);
    brush.restore();
  }

  #breath() {
    return STILL.matches ? 0 : 0.012 * Math.sin(this.#time * 3.2);
  }

  #halo(middle, radius, hue, chroma, level) {
    const glow = this.#brush.createRadialGradient(0, 0, radius * 0.6, 0, 0, middle);
    const strength = (DARK.matches ? 0.34 : 0.3) + 0.3 * level;
    glow.addColorStop(0, `oklch(0.7 ${chroma} ${hue} / ${strength})`);
    glow.addColorStop(0.45, `oklch(0.7 ${chroma} ${hue} / ${strength * 0.28})`);
    glow.addColorStop(1, `oklch(0.7 ${chroma} ${hue} / 0)`);
    this.#brush.fillStyle = glow;
    this.#brush.fillRect(-middle, -middle, middle * 2, middle * 2);
  }

  // The outline of one layer: a circle that several slow waves run along.
  #outline(radius, layer) {
    const { wobble, level, swell } = this.#now;
    const size = radius * (1 + layer * (0.05 + 0.22 * level * swell));
    const depth = wobble * (1 + layer * 0.8) + level * swell * 0.09 * (layer + 0.4);
    const turn = this.#time * (layer % 2 ? -1 : 1) + layer * 2.1;
    this.#brush.beginPath();
    for (let i = 0; i < POINTS; i++) {
      const angle = (i / POINTS) * Math.PI * 2;
      const wave =
        Math.sin(2 * angle + turn * 1.1) +
        0.7 * Math.sin(3 * angle - turn * 1.7 + layer) +
        0.4 * Math.sin(5 * angle + turn * 2.3);
      const reach = size * (1 + depth * wave);
      this.#brush.lineTo(Math.cos(angle) * reach, Math.sin(angle) * reach);
    }
    this.#brush.closePath();
  }

  #veil(radius, layer, rim, chroma) {
    this.#outline(radius, layer);
    this.#brush.fillStyle = `oklch(0.72 ${chroma} ${rim - 20 * layer} / 0.2)`;
    this.#brush.fill();
  }

  // The body: lights of neighbouring hues that drift inside the innermost outline.
  #body(radius, core, rim, chroma) {
    const brush = this.#brush;
    this.#outline(radius, 0);
    brush.save();
    brush.clip();
    const ground = brush.createLinearGradient(-radius, -radius, radius, radius);
    ground.addColorStop(0, `oklch(0.8 ${chroma} ${core})`);
    ground.addColorStop(1, `oklch(0.6 ${chroma * 1.15} ${rim})`);
    brush.fillStyle = ground;
    brush.fillRect(-radius * 2, -radius * 2, radius * 4, radius * 4);
    const t = this.#time;
    this.#light(radius, 0.5, t * 0.9 + 3.9, 1.15, 0.93, chroma * 0.5, core - 25, 0.95);
    this.#light(radius, 0.62, -t * 0.7 + 0.9, 1.0, 0.62, chroma * 1.25, rim + 28, 0.8);
    this.#light(radius, 0.45, t * 1.2 + 2.2, 0.8, 0.86, chroma, core + 18, 0.7);
    const edge = brush.createRadialGradient(0, 0, radius * 0.72, 0, 0, radius * 1.1);
    edge.addColorStop(0, `oklch(0.5 ${chroma} ${rim} / 0)`);
    edge.addColorStop(1, `oklch(0.45 ${chroma} ${rim} / 0.4)`);
    brush.fillStyle = edge;
    brush.fillRect(-radius * 2, -radius * 2, radius * 4, radius * 4);
    brush.restore();
  }

  #light(radius, off, angle, size, lightness, chroma, hue, alpha) {
    const brush = this.#brush;
    const [x, y] = [Math.cos(angle) * off * radius, Math.sin(angle) * off * radius];
    const glow = brush.createRadialGradient(x, y, 0, x, y, size * radius);
    const colour = `oklch(${lightness} ${chroma} ${hue} /`;
    glow.addColorStop(0, `${colour} ${alpha})`);
    glow.addColorStop(0.5, `${colour} ${alpha * 0.4})`);
    glow.addColorStop(1, `${colour} 0)`);
    brush.fillStyle = glow;
    brush.fillRect(-radius * 2, -radius * 2, radius * 4, radius * 4);
  }

  // A short arc that goes round while something is awaited.
  #arc(radius, hue, chroma) {
    const { spin } = this.#now;
    if (spin < 0.02) return;
    const brush = this.#brush;
    const from = STILL.matches ? -Math.PI / 2 : this.#time * 2.4;
    brush.lineWidth = radius * 0.028;
    brush.lineCap = "round";
    for (const start of [from, from + Math.PI]) {
      brush.strokeStyle = `oklch(0.7 ${chroma} ${hue} / ${0.9 * spin})`;
      brush.beginPath();
      brush.arc(0, 0, radius * 1.3, start, start + 0.9);
      brush.stroke();
    }
  }
}
