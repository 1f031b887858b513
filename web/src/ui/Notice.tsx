/** A full-page sentence: what is so, why, and what can be done next. */

import { Card, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  icon: ReactNode;
  color?: string;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  note?: string | null;
}

export function Notice({ icon, color = "aegean", title, children, actions, note }: Props) {
  return (
    <Card maw={560} mx="auto" mt={{ base: 0, sm: "xl" }} p={{ base: "lg", sm: "xl" }} w="100%">
      <Stack gap="md" align="flex-start">
        <ThemeIcon size={52} radius="lg" variant="light" color={color} aria-hidden="true">
          {icon}
        </ThemeIcon>
        <Title order={2}>{title}</Title>
        {children}
        {actions}
        {note ? (
          <Text size="sm" c="dimmed" className="break">
            {note}
          </Text>
        ) : null}
      </Stack>
    </Card>
  );
}
