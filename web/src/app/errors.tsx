/** Pages for what is not there, not allowed, or went wrong. */

import { Button, Center, Group, Loader, Text } from "@mantine/core";
import { IconCompass, IconHandStop, IconPlugConnectedX } from "@tabler/icons-react";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { sentenceOf } from "../api/problem";
import { Notice } from "../ui/Notice";
import { ButtonLink } from "../ui/links";

export function Opening() {
  return (
    <Center mih={420}>
      <Loader aria-label="Opening" />
    </Center>
  );
}

export function NotFoundPage() {
  return (
    <Notice
      icon={<IconCompass size={28} />}
      title="There is no such page"
      actions={<ButtonLink to="/">To the start</ButtonLink>}
    >
      <Text>The address may be mistyped, or what was here is gone.</Text>
    </Notice>
  );
}

export function NotAllowedPage() {
  return (
    <Notice
      icon={<IconHandStop size={28} />}
      title="This page is not for your account"
      actions={<ButtonLink to="/classes">My classes</ButtonLink>}
    >
      <Text>You are signed in, but this part of Lyceum is for other roles.</Text>
    </Notice>
  );
}

export function ErrorPage({ error, reset }: ErrorComponentProps) {
  // A page that was built anew meanwhile has other file names; only loading it again helps.
  const stale = error instanceof TypeError && /dynamically imported|module script/i.test(error.message);
  return (
    <Notice
      icon={<IconPlugConnectedX size={28} />}
      color="ember"
      title={stale ? "Lyceum was updated" : "Something went wrong on this page"}
      actions={
        <Group>
          <Button onClick={() => (stale ? location.reload() : reset())}>{stale ? "Load it again" : "Try again"}</Button>
          <ButtonLink to="/" variant="light">
            To the start
          </ButtonLink>
        </Group>
      }
    >
      <Text>{stale ? "Load the page again to go on." : sentenceOf(error)}</Text>
    </Notice>
  );
}
