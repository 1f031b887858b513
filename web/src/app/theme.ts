/** Lyceum's look: Aegean blue on marble, saffron for what is yours, ember for what is live. */

import {
  Badge,
  Button,
  Card,
  createTheme,
  Drawer,
  Modal,
  NumberInput,
  PasswordInput,
  Select,
  Textarea,
  TextInput,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from "@mantine/core";

const aegean: MantineColorsTuple = [
  "#e8f5fa",
  "#d2e8f0",
  "#a5d1e1",
  "#75bad2",
  "#4ca5c4",
  "#2f94b7",
  "#1b84a8",
  "#0d7193",
  "#0b5f78",
  "#084a5e",
];
const saffron: MantineColorsTuple = [
  "#fff6e0",
  "#ffeccb",
  "#fdd898",
  "#fcc362",
  "#fab135",
  "#f9a61a",
  "#e5930a",
  "#bd7600",
  "#8f5900",
  "#6b4200",
];
const ember: MantineColorsTuple = [
  "#ffece8",
  "#fdd8d1",
  "#f6aea1",
  "#ef826e",
  "#e95e45",
  "#e2472b",
  "#cf3a20",
  "#b52f17",
  "#96240f",
  "#741907",
];
const leaf: MantineColorsTuple = [
  "#e8f6ee",
  "#d3ecdd",
  "#a8d9bb",
  "#79c596",
  "#52b377",
  "#39a664",
  "#258f52",
  "#187844",
  "#0f6136",
  "#084a28",
];
const gray: MantineColorsTuple = [
  "#f7f9fa",
  "#eff3f5",
  "#e2e9ec",
  "#d0dadf",
  "#b0bfc7",
  "#879aa5",
  "#627783",
  "#4a5e6a",
  "#334551",
  "#1e2e38",
];
const dark: MantineColorsTuple = [
  "#d8e2e8",
  "#b4c2cb",
  "#8fa1ac",
  "#667a86",
  "#3a4a55",
  "#2a3842",
  "#1f2b34",
  "#172129",
  "#101920",
  "#0b1217",
];

const input = { defaultProps: { size: "md" } };

export const theme = createTheme({
  colors: { aegean, saffron, ember, leaf, gray, dark },
  primaryColor: "aegean",
  primaryShade: { light: 8, dark: 7 },
  black: "#15232c",
  fontFamily: "'Figtree Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, monospace",
  headings: {
    fontFamily: "'Bricolage Grotesque Variable', 'Figtree Variable', system-ui, sans-serif",
    fontWeight: "620",
    textWrap: "balance",
    sizes: {
      h1: { fontSize: "clamp(1.75rem, 1.3rem + 2vw, 2.5rem)", lineHeight: "1.12" },
      h2: { fontSize: "clamp(1.25rem, 1.1rem + 0.7vw, 1.6rem)", lineHeight: "1.2" },
      h3: { fontSize: "1.125rem", lineHeight: "1.3" },
    },
  },
  defaultRadius: "md",
  radius: { xs: "4px", sm: "6px", md: "10px", lg: "16px", xl: "24px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  autoContrast: true,
  focusRing: "auto",
  components: {
    Button: Button.extend({ defaultProps: { size: "md" } }),
    Card: Card.extend({ defaultProps: { radius: "lg", padding: "lg", withBorder: true } }),
    Badge: Badge.extend({
      defaultProps: { radius: "sm", variant: "light" },
      styles: { label: { textTransform: "none" } },
    }),
    Modal: Modal.extend({
      defaultProps: { radius: "lg", centered: true, closeButtonProps: { "aria-label": "Close" } },
    }),
    Drawer: Drawer.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close the menu" } } }),
    TextInput: TextInput.extend(input),
    PasswordInput: PasswordInput.extend(input),
    NumberInput: NumberInput.extend(input),
    Select: Select.extend(input),
    Textarea: Textarea.extend(input),
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f3f6f8",
    "--mantine-color-dimmed": "#50636f",
    "--lyceum-surface": "#ffffff",
    "--lyceum-line": "#dbe4e9",
    "--lyceum-seat-free": "#d5e0e6",
    "--lyceum-seat-taken": "#4f9ab3",
    "--lyceum-seat-yours": "#f39c0b",
    "--lyceum-seat-waiting": "#c3a26a",
  },
  dark: {
    "--mantine-color-body": "#0e151a",
    "--mantine-color-dimmed": "#9db0bb",
    "--lyceum-surface": "#16212a",
    "--lyceum-line": "#28363f",
    "--lyceum-seat-free": "#2b3b46",
    "--lyceum-seat-taken": "#3d8ea9",
    "--lyceum-seat-yours": "#fab135",
    "--lyceum-seat-waiting": "#8d7444",
  },
});
