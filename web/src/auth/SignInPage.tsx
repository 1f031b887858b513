/** Sign in with e-mail address and password. */

import { Alert, Button, Card, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { sentenceOf } from "../api/problem";
import { TextLink } from "../ui/links";
import { signIn } from "./account";

export function SignInPage({ to }: { to?: string }) {
  useDocumentTitle("Sign in · Lyceum");
  const [trouble, setTrouble] = useState<string | null>(null);
  const form = useForm({
    initialValues: { email: "", password: "" },
    validate: {
      email: (value) => (value.trim() === "" ? "Enter your e-mail address." : null),
      password: (value) => (value === "" ? "Enter your password." : null),
    },
  });
  const submit = async ({ email, password }: typeof form.values) => {
    setTrouble(null);
    await signIn(email.trim(), password).catch((thrown: unknown) => setTrouble(sentenceOf(thrown)));
  };
  return (
    <Card maw={440} mx="auto" mt={{ base: 0, sm: "xl" }} p={{ base: "lg", sm: "xl" }}>
      <form onSubmit={form.onSubmit(submit)} noValidate>
        <Stack gap="md">
          <Title order={1} fz="h2">
            Sign in
          </Title>
          {trouble === null ? null : (
            <Alert color="ember" role="alert">
              {trouble}
            </Alert>
          )}
          <TextInput
            label="E-mail address"
            type="email"
            autoComplete="username"
            autoFocus
            {...form.getInputProps("email")}
          />
          <PasswordInput label="Password" autoComplete="current-password" {...form.getInputProps("password")} />
          <Button type="submit" loading={form.submitting} fullWidth>
            Sign in
          </Button>
          <Text c="dimmed">
            New here?{" "}
            <TextLink underline="always" to="/register" search={to === undefined ? {} : { to }}>
              Create an account
            </TextLink>
          </Text>
        </Stack>
      </form>
    </Card>
  );
}
