"""How far an app may reach, as a form and in words: who the person is and no more, chosen folders, or everything.

What can be chosen are the folders of the person's own pods, two levels deep. A form names folders that this page
offered, and nothing else is ever taken from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from vault.errors import Malformed
from vault.identity.accounts import Account
from vault.ports import Work
from vault.values import Ceiling, PodName, ResourceUrl
from vault.web.locales import listed
from vault.web.pages import Form
from vault.web.wording import NAME_CHARACTERS, Tongue, clean

IDENTITY: Final = "identity"
FOLDERS: Final = "folders"
WHOLE: Final = "whole"

_MOST_TOP: Final = 100  # folders of one pod
_MOST_BELOW: Final = 20  # folders in one of them
_MOST: Final = 200  # of everything, so that the page can be read; what is not shown comes with the folder above it


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be chosen, and those in it. `above` is the name of the folder it stands in."""

    url: ResourceUrl
    name: str
    above: str = ""
    chosen: bool = False
    below: tuple[Folder, ...] = ()

    @property
    def value(self) -> str:
        return f"{self.url.pod}{self.url.path}"

    def everything(self) -> Iterator[Folder]:
        yield self
        for folder in self.below:
            yield from folder.everything()


@dataclass(frozen=True, slots=True)
class PodFolders:
    """The folders of one pod."""

    pod: PodName
    folders: tuple[Folder, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The question how far, with what is chosen so far. `cut`: there are more folders than are shown."""

    choice: str
    pods: tuple[PodFolders, ...]
    cut: bool

    def everything(self) -> Iterator[Folder]:
        for pod in self.pods:
            for folder in pod.folders:
                yield from folder.everything()


def nothing_yet() -> Ceiling:
    """What is chosen before the person chooses: the least an app can work with (UX-07: no step to make it less)."""
    return Ceiling()


async def reach_of(work: Work, account: Account, ceiling: Ceiling | None) -> Reach:
    """The choice as it stands under this ceiling, over the folders there are now."""
    chosen = frozenset(ceiling.folders) if ceiling is not None else frozenset()
    found: list[PodFolders] = []
    left, cut = _MOST, False
    for held in await work.accounts.pods(account.id):
        top = await work.resources.folders(ResourceUrl(held.pod, "/"), limit=min(_MOST_TOP, left) + 1)
        shown = top[: min(_MOST_TOP, left)]
        left, cut = left - len(shown), cut or len(top) > len(shown)
        folders: list[Folder] = []
        for url in shown:
            inner = await work.resources.folders(url, limit=min(_MOST_BELOW, left) + 1)
            kept = inner[: min(_MOST_BELOW, left)]
            left, cut = left - len(kept), cut or len(inner) > len(kept)
            below = tuple(Folder(one, name_of(one), name_of(url), one in chosen) for one in kept)
            folders.append(Folder(url, name_of(url), "", url in chosen, below))
        found.append(PodFolders(held.pod, (*folders, *_others(held.pod, folders, chosen))))
    choice = WHOLE if ceiling is None else FOLDERS if ceiling.folders else IDENTITY
    return Reach(choice, tuple(found), cut)


def read_reach(form: Form, offered: Reach) -> Reach:
    """The choice that a form makes. Raises Malformed for one that the page did not offer."""
    choice = form.get("reach", "")
    if choice not in (IDENTITY, FOLDERS, WHOLE):
        raise Malformed("reach", "Say how far the app may reach.")
    values = frozenset(form.all("folder"))
    if not values <= {folder.value for folder in offered.everything()}:
        raise Malformed("folder", "Choose among the folders that are shown.")
    pods = tuple(replace(pod, folders=tuple(_marked(folder, values) for folder in pod.folders)) for pod in offered.pods)
    return replace(offered, choice=choice, pods=pods)


def ceiling_of(reach: Reach) -> Ceiling | None:
    """What is chosen, as the ceiling that is kept. A folder within another chosen one adds nothing."""
    if reach.choice == WHOLE:
        return None
    if reach.choice == IDENTITY:
        return Ceiling()
    kept: list[ResourceUrl] = []
    for url in sorted((one.url for one in reach.everything() if one.chosen), key=lambda url: (url.pod, url.path)):
        if not Ceiling(tuple(kept)).covers(url):
            kept.append(url)
    return Ceiling(tuple(kept))


def lacks_folders(reach: Reach) -> bool:
    """Folders it is to be, and none is chosen: the person has not finished."""
    return reach.choice == FOLDERS and not any(folder.chosen for folder in reach.everything())


def in_words(ceiling: Ceiling | None, account: Account, tongue: Tongue) -> str:
    """A ceiling in one plain phrase."""
    if ceiling is None:
        return tongue.say("apps.reach.whole")
    if not ceiling.folders:
        return tongue.say("apps.reach.identity")
    names = listed(tongue.locale, [_place(folder, account) for folder in ceiling.folders])
    return tongue.say("apps.reach.folders", n=len(ceiling.folders), names=names)


def name_of(url: ResourceUrl) -> str:
    """A folder by the last part of its path, as people read it."""
    return clean(unquote(url.name.rstrip("/")), NAME_CHARACTERS)


def _place(folder: ResourceUrl, account: Account) -> str:
    """A folder with those it stands in; with its pod where that is not the person's first."""
    parts = [clean(unquote(part), NAME_CHARACTERS) for part in folder.path.strip("/").split("/")]
    return " / ".join(parts if folder.pod == account.pod else [folder.pod, *parts])


def _others(pod: PodName, shown: list[Folder], chosen: frozenset[ResourceUrl]) -> Iterator[Folder]:
    """What was chosen earlier and is not among those shown: it can be kept, and taken away."""
    known = {one.url for folder in shown for one in folder.everything()}
    for url in sorted(chosen - known, key=lambda url: url.path):
        if url.pod == pod:
            above = url.parent
            yield Folder(url, name_of(url), "" if above is None or above.is_storage else name_of(above), chosen=True)


def _marked(folder: Folder, values: frozenset[str]) -> Folder:
    below = tuple(_marked(one, values) for one in folder.below)
    return replace(folder, chosen=folder.value in values, below=below)
