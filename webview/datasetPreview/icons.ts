import { svg, html, type TemplateResult } from 'lit';

/** Icons in the colour of the text. The button around an icon has the name that screen readers announce. */
const shapes = {
  search: svg`<circle cx="7" cy="7" r="4.2"></circle><path d="M10.2 10.2 14 14"></path>`,
  columns: svg`<rect x="2" y="3" width="12" height="10" rx="1"></rect><path d="M6 3v10M10 3v10"></path>`,
  wrap: svg`<path d="M2 4h12M2 8h9.5a2 2 0 0 1 0 4H8M9.8 10.2 8 12l1.8 1.8M2 12h3"></path>`,
  pairs: svg`<rect x="2" y="3" width="5" height="10" rx="1"></rect><rect x="9" y="3" width="5" height="10" rx="1"></rect><path d="M4 6h1M4 9h1M11 6h1M11 9h1"></path>`,
  insights: svg`<path d="M2.5 13.5h11M4 13V9M7 13V4M10 13V7M13 13v-3"></path>`,
  panel: svg`<rect x="2" y="3" width="12" height="10" rx="1"></rect><path d="M10 3v10"></path>`,
  clean: svg`<path d="M9.5 2.5 13.5 6.5M11.5 4.5 6 10M6 10l-3.5 3.5h5L9 12zM4.5 11.5l1 1"></path>`,
  split: svg`<path d="M3 8h4M7 8c2 0 2-4 5-4M7 8c2 0 2 4 5 4M10.5 2.5 12.5 4l-2 1.5M10.5 10.5l2 1.5-2 1.5"></path>`,
  export: svg`<path d="M8 2v8M5 7l3 3 3-3M2.5 11v2.5h11V11"></path>`,
  close: svg`<path d="m4 4 8 8M12 4l-8 8"></path>`,
  up: svg`<path d="M8 13V3M4 7l4-4 4 4"></path>`,
  down: svg`<path d="M8 3v10M4 9l4 4 4-4"></path>`,
  left: svg`<path d="M13 8H3M7 4 3 8l4 4"></path>`,
  right: svg`<path d="M3 8h10M9 4l4 4-4 4"></path>`,
  more: svg`<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.4" stroke-linecap="round"></path>`,
  eye: svg`<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"></path><circle cx="8" cy="8" r="2"></circle>`,
  add: svg`<path d="M8 3v10M3 8h10"></path>`,
  problem: svg`<circle cx="8" cy="8" r="6"></circle><path d="M8 4.5v4.2M8 11v.4"></path>`,
  look: svg`<path d="M8 2 14.5 13.5h-13z"></path><path d="M8 6.2v3.6M8 11.6v.4"></path>`,
  fact: svg`<circle cx="8" cy="8" r="6"></circle><path d="M8 7.4v4.1M8 4.6v.4"></path>`,
  predict: svg`<path d="M3 13 10.5 5.5M9 4l3 3M12.5 1.5v2M14.5 3.5h-2M5 2v2M6 3H4M13 9v2M14 10h-2"></path>`,
} as const;
export type IconName = keyof typeof shapes;

export function icon(name: IconName): TemplateResult {
  return html`<svg
    class="icon"
    viewBox="0 0 16 16"
    width="16"
    height="16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.2"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${shapes[name]}
  </svg>`;
}
