from django.http import StreamingHttpResponse
from django.shortcuts import redirect, render

from notes.models import Note


def index(request):
    """Shows the notes; a POST of the form adds one."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
        return redirect("index")
    return render(request, "notes/index.html", {"notes": Note.objects.all()})


def export(request):
    """All notes as CSV, row by row: the whole never stands in memory."""
    rows = (f"{note.pk},{note.text}\r\n" for note in Note.objects.iterator())
    response = StreamingHttpResponse(rows, content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="notes.csv"'
    return response


def fail(request):
    raise RuntimeError("a view failed")
