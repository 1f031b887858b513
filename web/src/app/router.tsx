/** The pages and who may see them. */

import { createRootRoute, createRoute, createRouter, Navigate, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, type ComponentType, type ReactNode } from "react";
import type { Role } from "../api/types";
import { useAccount } from "../auth/useAccount";
import { RegisterPage } from "../auth/RegisterPage";
import { SignInPage } from "../auth/SignInPage";
import { CataloguePage } from "../catalogue/CataloguePage";
import { CoursePage } from "../catalogue/CoursePage";
import { MyClassesPage } from "../dashboard/MyClassesPage";
import { ErrorPage, NotAllowedPage, NotFoundPage, Opening } from "./errors";
import { HomePage } from "./HomePage";
import { Shell } from "./Shell";

const ClassPage = lazy(() => import("../live/ClassPage").then((module) => ({ default: module.ClassPage })));
const TeachingPage = lazy(() =>
  import("../teaching/TeachingPage").then((module) => ({ default: module.TeachingPage })),
);
const OwnCoursePage = lazy(() =>
  import("../teaching/OwnCoursePage").then((module) => ({ default: module.OwnCoursePage })),
);
const ReviewPage = lazy(() => import("../admin/ReviewPage").then((module) => ({ default: module.ReviewPage })));

const EVERYBODY: Role[] = ["student", "instructor", "admin"];
const TEACHERS: Role[] = ["instructor", "admin"];

/** The page for people with one of these roles; others are asked to sign in, or told politely. */
function Only({ roles, children }: { roles: Role[]; children: ReactNode }) {
  const account = useAccount();
  if (account.at === "unknown") return <Opening />;
  if (account.at === "out") {
    const to = location.pathname + location.search;
    return <Navigate to="/sign-in" search={{ to }} replace />;
  }
  if (!roles.includes(account.user.role)) return <NotAllowedPage />;
  return <Suspense fallback={<Opening />}>{children}</Suspense>;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage, errorComponent: ErrorPage });

const home = createRoute({ getParentRoute: () => root, path: "/", component: HomePage });

export interface SignInSearch {
  to?: string;
}

/** Only a path of this site: an address that came in a link must not lead away after signing in. */
function ownPath(search: Record<string, unknown>): SignInSearch {
  const { to } = search;
  return typeof to === "string" && /^\/(?![/\\])/.test(to) ? { to } : {};
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: ownPath,
  component: () => <ForVisitors page={SignInPage} />,
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: ownPath,
  component: () => <ForVisitors page={RegisterPage} />,
});

/** Sign-in pages lead on as soon as somebody is signed in. */
function ForVisitors({ page: Page }: { page: ComponentType<SignInSearch> }) {
  const account = useAccount();
  const navigate = useNavigate();
  const { to } = ownPath(Object.fromEntries(new URLSearchParams(location.search)));
  const isIn = account.at === "in";
  useEffect(() => {
    if (isIn) void navigate({ to: to ?? "/classes", replace: true });
  }, [isIn, navigate, to]);
  return account.at === "out" ? <Page {...(to === undefined ? {} : { to })} /> : <Opening />;
}

const classes = createRoute({
  getParentRoute: () => root,
  path: "/classes",
  component: () => (
    <Only roles={EVERYBODY}>
      <MyClassesPage />
    </Only>
  ),
});

const oneClass = createRoute({
  getParentRoute: () => root,
  path: "/classes/$sessionId",
  component: function OneClass() {
    const { sessionId } = oneClass.useParams();
    return (
      <Only roles={EVERYBODY}>
        <ClassPage key={sessionId} sessionId={sessionId} />
      </Only>
    );
  },
});

const catalogue = createRoute({ getParentRoute: () => root, path: "/courses", component: CataloguePage });

const course = createRoute({
  getParentRoute: () => root,
  path: "/courses/$courseId",
  component: function OneCourse() {
    const { courseId } = course.useParams();
    return <CoursePage key={courseId} courseId={courseId} />;
  },
});

const teach = createRoute({
  getParentRoute: () => root,
  path: "/teach",
  component: () => (
    <Only roles={TEACHERS}>
      <TeachingPage />
    </Only>
  ),
});

const ownCourse = createRoute({
  getParentRoute: () => root,
  path: "/teach/courses/$courseId",
  component: function OwnCourse() {
    const { courseId } = ownCourse.useParams();
    return (
      <Only roles={TEACHERS}>
        <OwnCoursePage key={courseId} courseId={courseId} />
      </Only>
    );
  },
});

const review = createRoute({
  getParentRoute: () => root,
  path: "/admin/courses",
  component: () => (
    <Only roles={["admin"]}>
      <ReviewPage />
    </Only>
  ),
});

export const router = createRouter({
  routeTree: root.addChildren([home, signIn, register, classes, oneClass, catalogue, course, teach, ownCourse, review]),
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
