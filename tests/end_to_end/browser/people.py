"""People who sit before the browser, and what they do there."""

from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, WebSocketRoute, expect

from tests.end_to_end.browser.school import PASSWORD, Account, School

PATIENCE_MS = 30_000
DESKTOP = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=360, height=740)

expect.set_options(timeout=PATIENCE_MS)


class Person:
    """One person at one window."""

    def __init__(self, page: Page, school: School) -> None:
        self.page = page
        self._school = school

    async def sign_in(self, account: Account) -> None:
        """Through the form, as everybody does."""
        await self.page.goto(f"{self._school.url}/sign-in")
        await self.page.get_by_label("E-mail address").fill(account.email)
        await self.page.get_by_role("textbox", name="Password").fill(PASSWORD)
        await self.button("Sign in").click()
        await expect(self.page.get_by_role("heading", name="My classes", level=1)).to_be_visible()

    async def open_class(self, session_id: str) -> None:
        """The page of the class, by its address."""
        await self.page.goto(f"{self._school.url}/classes/{session_id}")

    async def sees(self, screen: str) -> None:
        """Waits until the class page shows this screen."""
        await expect(self.page.locator(f'[data-screen="{screen}"]')).to_be_visible()

    async def sees_text(self, text: str) -> None:
        """Waits until this can be read somewhere on the page."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    def button(self, name: str) -> Locator:
        """The button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def press(self, name: str) -> None:
        """Clicks the button with this name."""
        await self.button(name).click()

    async def leave_class(self) -> None:
        """Gives the seat back, and confirms it."""
        await self.press("Leave class")
        await self.page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()

    async def say(self, text: str) -> None:
        """Posts to the chat."""
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.page.keyboard.press("Enter")

    async def scrolls_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


class People:
    """Opens windows and closes them. `errors` are those that no page caught."""

    def __init__(self, browser: Browser, school: School) -> None:
        self._browser = browser
        self._school = school
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    async def arrive(self, account: Account | None = None, window: ViewportSize = DESKTOP, **options: Any) -> Person:
        """Somebody at a window of this size, signed in if they have an account."""
        context = await self._browser.new_context(viewport=window, locale="en-GB", accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        person = Person(await context.new_page(), self._school)
        if account is not None:
            await person.sign_in(account)
        return person

    async def go_home(self) -> None:
        """Closes every window."""
        for context in self._contexts:
            await context.close()


class Cable:
    """The network cable between a page and the gateway, to be pulled and put back."""

    def __init__(self) -> None:
        self._pulled = False
        self._open: list[WebSocketRoute] = []
        self.connections = 0

    @classmethod
    async def of(cls, person: Person) -> "Cable":
        """The cable of this person's window; lay it before the page is opened."""
        cable = cls()
        await person.page.route_web_socket("**/ws", cable._connect)
        return cable

    async def _connect(self, page_side: WebSocketRoute) -> None:
        self.connections += 1
        if self._pulled:
            await page_side.close(code=4000, reason="no network")
            return
        page_side.connect_to_server()
        self._open.append(page_side)

    async def pull(self) -> None:
        """From now on no socket stands and none can be opened."""
        self._pulled = True
        for each in self._open:
            await each.close(code=4000, reason="no network")
        self._open.clear()

    def put_back(self) -> None:
        """Sockets can be opened again."""
        self._pulled = False


async def save_download(person: Person, button: str, folder: Path) -> str:
    """The text of the file that pressing this button gives."""
    async with person.page.expect_download() as coming:
        await person.press(button)
    path = folder / "download"
    await (await coming.value).save_as(path)
    return path.read_text()
