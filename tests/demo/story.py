"""What the demo says, in both languages."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "title": (
        "wabot-tray, the demo. A simulated WhatsApp runs on this computer; no phone is needed.",
        "wabot-tray, la demostración. Aquí corre un WhatsApp simulado; no hace falta teléfono.",
    ),
    "desktop": (
        "Watch the tray icon and the windows. Ctrl+C ends the demo; nothing is kept.",
        "Mira el icono de la bandeja y las ventanas. Ctrl+C la termina; no se guarda nada.",
    ),
    "headless": (
        "There is no display here, so the story is told in the terminal. Ctrl+C ends it.",
        "Aquí no hay pantalla: la historia se cuenta en la terminal. Se termina con Ctrl+C.",
    ),
    "start": (
        "The program starts on an empty folder.",
        "El programa arranca en una carpeta vacía.",
    ),
    "scan": ("A phone scans the code.", "Un teléfono escanea el código."),
    "linked": (
        "Linked and connected {seconds:.1f} s after the scan.",
        "Vinculado y conectado {seconds:.1f} s después de escanear.",
    ),
    "customers": ("Customers write.", "Escriben los clientes."),
    "says": ("  {name}: {text}", "  {name}: {text}"),
    "answers": ("  bot → {name}: {text}", "  bot → {name}: {text}"),
    "cut": ("The connection is cut.", "Se corta la conexión."),
    "network": ("The network goes away …", "Se va la red …"),
    "back": ("… and comes back.", "… y vuelve."),
    "connected": (
        "Connected again after {seconds:.1f} s, without a code.",
        "Conectado otra vez a los {seconds:.1f} s, sin código.",
    ),
    "crash": ("The worker process is killed.", "Se mata el proceso de trabajo."),
    "restart": (
        "The program is ended and started again.",
        "Se cierra el programa y se vuelve a abrir.",
    ),
    "state": ("  icon: {state}", "  icono: {state}"),
    "end": (
        "That was it. The program keeps running and customers keep writing; Ctrl+C ends it.",
        "Eso fue todo. El programa sigue y los clientes siguen escribiendo; Ctrl+C lo termina.",
    ),
    "interrupted": ("Ctrl+C: the program is being ended.", "Ctrl+C: se cierra el programa."),
    "bye": ("Ended; everything is removed.", "Terminado; se ha borrado todo."),
}


class Teller:
    """Tells the story in one language."""

    def __init__(self, language: str) -> None:
        self._index = 1 if language == "es" else 0

    def __call__(self, key: str, /, **params: object) -> None:
        """Say one sentence."""
        print(TEXTS[key][self._index].format(**params), flush=True)
