/** What stands around every page: the way to the content, the name, the menu, and a class one is in. */

import { Avatar, Burger, Container, Drawer, Group, Menu, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLogout } from "@tabler/icons-react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Role, User } from "../api/types";
import { signOut } from "../auth/account";
import { useAccount } from "../auth/useAccount";
import { ButtonLink } from "../ui/links";
import { Logo } from "../ui/Logo";
import { HeldVisits } from "./HeldVisits";
import classes from "./Shell.module.css";

interface Place {
  to: "/classes" | "/courses" | "/teach" | "/admin/courses";
  label: string;
  roles: Role[];
}

const PLACES: Place[] = [
  { to: "/classes", label: "My classes", roles: ["student", "instructor", "admin"] },
  { to: "/courses", label: "Courses", roles: ["student", "instructor", "admin"] },
  { to: "/teach", label: "Teach", roles: ["instructor", "admin"] },
  { to: "/admin/courses", label: "Review", roles: ["admin"] },
];

export function Shell() {
  const account = useAccount();
  const user = account.at === "in" ? account.user : null;
  const places = PLACES.filter((place) => (user === null ? place.to === "/courses" : place.roles.includes(user.role)));
  const [menu, { open, close }] = useDisclosure(false);
  const main = useRef<HTMLDivElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const before = useRef(path);
  useEffect(() => {
    close();
    // A new page is announced by moving the focus to it, as a page load would.
    if (before.current !== path) main.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path, close]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className={classes.header}>
        <Container size="xl" className={classes.bar ?? ""}>
          <Link to="/" className={classes.home ?? ""} aria-label="Lyceum, to the start">
            <Logo />
          </Link>
          <nav className={classes.nav} aria-label="Main">
            <PlaceLinks places={places} />
          </nav>
          <Group gap="sm" ml="auto" wrap="nowrap">
            {user !== null ? <AccountMenu user={user} /> : account.at === "out" ? <SignInLinks /> : null}
            <Burger hiddenFrom="sm" opened={menu} onClick={open} size="sm" aria-label="Open the menu" />
          </Group>
        </Container>
      </header>
      <Drawer opened={menu} onClose={close} position="right" size="xs" title="Menu">
        <Stack component="nav" gap={4} aria-label="Main">
          <PlaceLinks places={places} />
        </Stack>
      </Drawer>
      <HeldVisits path={path} />
      <Container component="main" size="xl" id="main" ref={main} tabIndex={-1} className={classes.main ?? ""}>
        <Outlet />
      </Container>
    </>
  );
}

function PlaceLinks({ places }: { places: Place[] }) {
  return places.map((place) => (
    <Link
      key={place.to}
      to={place.to}
      className={classes.link ?? ""}
      activeOptions={{ exact: false }}
      activeProps={{ "data-active": true, "aria-current": "page" } as object}
    >
      {place.label}
    </Link>
  ));
}

function SignInLinks() {
  return (
    <>
      <ButtonLink to="/sign-in" variant="subtle" size="sm">
        Sign in
      </ButtonLink>
      <ButtonLink to="/register" size="sm" visibleFrom="xs">
        Create account
      </ButtonLink>
    </>
  );
}

function AccountMenu({ user }: { user: User }) {
  return (
    <Menu position="bottom-end" shadow="md" width={240}>
      <Menu.Target>
        <UnstyledButton className={classes.account ?? ""} aria-label={`Account: ${user.name}`}>
          <Text component="span" fw={600} truncate visibleFrom="sm" maw={200}>
            {user.name}
          </Text>
          <Avatar color="aegean" variant="filled" size={36} radius="xl" aria-hidden="true" />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text fw={650} size="sm" c="var(--mantine-color-text)" truncate>
            {user.name}
          </Text>
          <Text size="sm" truncate>
            {user.email}
          </Text>
          <Text size="sm">{user.role}</Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={18} />} onClick={() => void signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
