import { Group, Text } from "@mantine/core";

export function Logo() {
  return (
    <Group gap={10} wrap="nowrap">
      <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#0b5f78" />
        <g fill="none" stroke="#fff" strokeLinecap="round" strokeWidth="2.6">
          <path d="M6 22a10 10 0 0 1 20 0" />
          <path d="M11 22a5 5 0 0 1 10 0" />
        </g>
        <circle cx="16" cy="22" r="2" fill="#ffba38" />
      </svg>
      <Text component="span" ff="heading" fw={680} fz={21} lts="-0.02em" lh={1}>
        Lyceum
      </Text>
    </Group>
  );
}
