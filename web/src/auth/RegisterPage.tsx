/** Open an account; it is a student's until an admin says otherwise. */

import { Alert, Button, Card, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { api } from "../api/client";
import { fieldErrors, sentenceOf } from "../api/problem";
import { TextLink } from "../ui/links";
import { signIn } from "./account";

const SHORTEST_PASSWORD = 8;

export function RegisterPage({ to }: { to?: string }) {
  useDocumentTitle("Create an account · Lyceum");
  const [trouble, setTrouble] = useState<string | null>(null);
  const form = useForm({
    initialValues: { name: "", email: "", password: "" },
    validate: {
      name: (value) => (value.trim() === "" ? "Enter your name; others see it in class." : null),
      email: (value) => (/^\S+@\S+$/.test(value.trim()) ? null : "Enter an e-mail address, such as ana@example.org."),
      password: (value) => (value.length < SHORTEST_PASSWORD ? `Use ${SHORTEST_PASSWORD} characters or more.` : null),
    },
  });
  const submit = async ({ name, email, password }: typeof form.values) => {
    setTrouble(null);
    try {
      await api.POST("/api/auth/register", { body: { name: name.trim(), email: email.trim(), password } });
      await signIn(email.trim(), password);
    } catch (thrown) {
      const fields = fieldErrors(thrown);
      form.setErrors(fields);
      if (Object.keys(fields).length === 0) setTrouble(sentenceOf(thrown));
    }
  };
  return (
    <Card maw={440} mx="auto" mt={{ base: 0, sm: "xl" }} p={{ base: "lg", sm: "xl" }}>
      <form onSubmit={form.onSubmit(submit)} noValidate>
        <Stack gap="md">
          <Title order={1} fz="h2">
            Create an account
          </Title>
          {trouble === null ? null : (
            <Alert color="ember" role="alert">
              {trouble}
            </Alert>
          )}
          <TextInput label="Name" autoComplete="name" autoFocus {...form.getInputProps("name")} />
          <TextInput label="E-mail address" type="email" autoComplete="email" {...form.getInputProps("email")} />
          <PasswordInput
            label="Password"
            description={`${SHORTEST_PASSWORD} characters or more`}
            autoComplete="new-password"
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={form.submitting} fullWidth>
            Create account
          </Button>
          <Text c="dimmed">
            Have one already?{" "}
            <TextLink underline="always" to="/sign-in" search={to === undefined ? {} : { to }}>
              Sign in
            </TextLink>
          </Text>
        </Stack>
      </form>
    </Card>
  );
}
