/** Mantine's looks on the router's links. */

import { Anchor, Button, type AnchorProps, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { forwardRef } from "react";

const AnchorBase = forwardRef<HTMLAnchorElement, AnchorProps>((props, ref) => <Anchor ref={ref} {...props} />);
AnchorBase.displayName = "AnchorBase";
const ButtonBase = forwardRef<HTMLAnchorElement, ButtonProps>((props, ref) => (
  <Button component="a" ref={ref} {...props} />
));
ButtonBase.displayName = "ButtonBase";

export const TextLink = createLink(AnchorBase);
export const ButtonLink = createLink(ButtonBase);
