/** A full-page sentence: what is so, why, and what can be done next. */

import { Card, Stack, ThemeIcon, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  icon: ReactNode;
  color?: string;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  /** 2 below a page that has its title already. */
  level?: 1 | 2;
}

export function Notice({ icon, color = "aegean", title, children, actions, level = 1 }: Props) {
  return (
    <Card maw={560} mx="auto" mt={{ base: 0, sm: "xl" }} p={{ base: "lg", sm: "xl" }} w="100%">
      <Stack gap="md" align="flex-start">
        <ThemeIcon size={52} radius="lg" variant="light" color={color} aria-hidden="true">
          {icon}
        </ThemeIcon>
        <Title order={level} fz="h2">
          {title}
        </Title>
        {children}
        {actions}
      </Stack>
    </Card>
  );
}
