import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The API serves `dist/` at `/`; in development its address is LYCEUM_API (the API must be running).
const api = process.env.LYCEUM_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": api } },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      output: {
        manualChunks: (id: string) =>
          /node_modules\/(@mantine|@floating-ui)/.test(id) ? "mantine" : /node_modules/.test(id) ? "vendor" : undefined,
      },
    },
  },
  test: { include: ["src/**/*.test.ts", "tests/**/*.test.ts"], environment: "node" },
});
